import type { MachineState } from '../../agent/platform/simulated/machine-state.ts';
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
      return [...before].flatMap(([id, was]) => {
        const is = after.get(id);
        // A group that goes on under another name keeps its instances, with indexes of its own.
        const seat = is?.group === was.group ? was.index : is?.index;
        if (is !== undefined && is.rest === was.rest && is.index === seat) return [];
        return [
          `invariant 10: ignored instance ${id} was touched\n    ${JSON.stringify(was)}\n    ${JSON.stringify(is ?? 'it is gone')}`,
        ];
      });
    },
  };
}

interface Picture {
  group: string;
  index: number;
  rest: string;
}

async function pictures({ store, machines, cpi }: World): Promise<Map<string, Picture>> {
  const there = new Set<string>(cpi.inventory().vms.map(({ cid }) => cid));
  const ignored = (await store.instances.all()).filter(({ ignore }) => ignore);
  return new Map(
    ignored.map(({ group, index, ...more }) => {
      const own = more.vms.map(({ cid }) => ({
        there: cid !== null && there.has(cid),
        state: cid === null ? null : withoutNames(machines.agent(cid)?.state),
      }));
      return [more.id, { group, index, rest: JSON.stringify({ ...more, machines: own }) }];
    }),
  );
}

/** The names of others are told to every machine: it finds them by these, ignored or not. */
function withoutNames(state: MachineState | undefined): Omit<MachineState, 'dnsVersion'> | null {
  if (state === undefined) return null;
  const { dnsVersion: _told, ...rest } = state;
  return rest;
}
