import type { World } from '../support/given-director.ts';

export interface Ignored {
  /** Invariant 10: none of them was touched. */
  violations(world: World): Promise<string[]>;
}

/** Remembers the ignored instances as they are: in the store, and on their machines. */
export async function ignoredOf(world: World): Promise<Ignored> {
  const before = await pictures(world);
  return {
    async violations(later) {
      const after = await pictures(later);
      return [...before].flatMap(([id, picture]) =>
        after.get(id) === picture
          ? []
          : [`invariant 10: ignored instance ${id} was touched\n    ${picture}\n    ${after.get(id) ?? 'it is gone'}`],
      );
    },
  };
}

async function pictures({ store, machines, cpi }: World): Promise<Map<string, string>> {
  const there = new Set<string>(cpi.inventory().vms.map(({ cid }) => cid));
  const ignored = (await store.instances.all()).filter(({ ignore }) => ignore);
  return new Map(
    ignored.map((instance) => [
      instance.id,
      JSON.stringify({
        ...instance,
        group: null, // a group that is renamed keeps them
        machines: instance.vms.map(({ cid }) => ({
          there: cid !== null && there.has(cid),
          state: cid === null ? null : (machines.agent(cid)?.state ?? null),
        })),
      }),
    ]),
  );
}
