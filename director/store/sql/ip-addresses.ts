import { AddressTaken } from '../errors.ts';
import type { Instances, IpAddress } from '../instances.ts';
import { fromIpAddress, toIpAddress } from './instance-rows.ts';
import { flag, portions, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

/** INVARIANT: the address is the key of its table, so two instances can't hold one, whoever asks first. */
export function ipAddressRows(
  session: Session,
): Pick<Instances, 'addresses' | 'countDynamicAddresses' | 'reserve' | 'release'> {
  return {
    countDynamicAddresses: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('ip_addresses')
          .select((eb) => ['network', eb.fn.countAll<number>().as('count')])
          .where('static', '=', flag(false))
          .groupBy('network')
          .execute();
        return new Map(rows.map(({ network, count }) => [network, Number(count)]));
      }),

    addresses: () =>
      session.read(async (db) => {
        const rows = await db.selectFrom('ip_addresses').selectAll().orderBy('address').execute();
        return rows.map(toIpAddress);
      }),

    reserve: (addresses) =>
      session.write(async (db) => {
        await refuseHeld(db, addresses); // before the first row, so that an outer transaction keeps none of them
        let written = 0;
        for (const rows of portions(addresses.map(fromIpAddress))) {
          const result = await db
            .insertInto('ip_addresses')
            .values(rows)
            .onConflict((conflict) =>
              conflict
                .column('address')
                .doUpdateSet((eb) => ({
                  network: eb.ref('excluded.network'),
                  static: eb.ref('excluded.static'),
                  task_id: eb.ref('excluded.task_id'),
                }))
                .whereRef('ip_addresses.instance_id', '=', 'excluded.instance_id'),
            )
            .executeTakeFirstOrThrow();
          written += Number(result.numInsertedOrUpdatedRows ?? 0n);
        }
        if (written < addresses.length) await refuseHeld(db, addresses); // another director was faster by a moment
      }),

    release: (addresses) =>
      session.write(async (db) => {
        for (const portion of valuePortions(addresses)) {
          await db.deleteFrom('ip_addresses').where('address', 'in', portion).execute();
        }
      }),
  };
}

async function refuseHeld(db: Db, wanted: readonly IpAddress[]): Promise<void> {
  const wantedBy = new Map(wanted.map((ip) => [ip.address, ip.instanceId]));
  for (const portion of valuePortions([...wantedBy.keys()])) {
    const rows = await db
      .selectFrom('ip_addresses')
      .innerJoin('instances', 'instances.id', 'instance_id')
      .select(['address', 'network', 'instance_id', 'deployment', 'group_name'])
      .where('address', 'in', portion)
      .orderBy('address')
      .execute();
    const [first, ...others] = rows
      .filter((row) => wantedBy.get(row.address) !== row.instance_id)
      .map((row) => ({
        address: row.address,
        network: row.network,
        instanceId: row.instance_id,
        deployment: row.deployment,
        group: row.group_name,
      }));
    if (first !== undefined) throw new AddressTaken(wantedBy.get(first.address) ?? '', [first, ...others]);
  }
}
