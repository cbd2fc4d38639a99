import type { TakenAddress } from '../plan/addresses.ts';
import type { Store } from '../store/store.ts';

/**
 * Every address that a VM has or may have. What instances have is read first: an address that becomes an orphan's in
 * between is in both lists then, never in none.
 */
export async function takenAddresses({ instances }: Pick<Store, 'instances'>): Promise<TakenAddress[]> {
  const held = await instances.addresses();
  const orphans = await instances.orphanedVms();
  return [
    ...held,
    ...orphans.flatMap(({ agentId, addresses, instance }) =>
      addresses.map((address) => ({
        address,
        instanceId: null,
        holder: `the VM of agent ${agentId}, once of ${instance}, which was given up and may live on`,
      })),
    ),
  ];
}
