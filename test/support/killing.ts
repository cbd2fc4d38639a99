import type { BusConnection } from '../../director/bus/bus.ts';
import type { Cpi } from '../../cpi/cpi.ts';
import type { AgentMethod } from '../../agent/protocol.ts';
import type { Store } from '../../director/store/store.ts';
import type { Life } from '../simulate/life.ts';
import type { Reach } from './given-director.ts';

/** `activate`: the transaction after a migration, which makes the new disk the one that serves. */
export type FatalCall = 'attachDisk' | 'detachDisk' | AgentMethod | 'activate';

/** Relative to the effect of the call; either way its caller never hears of it. */
export interface Fate {
  call: FatalCall;
  when: 'before' | 'after';
}

/** The world for a director that is killed with -9 at the first call of this kind. To be given to `reachOf`. */
export function killingAt({ call, when }: Fate, world: Reach, life: Life): Reach {
  const never = () => new Promise<never>(() => {});
  const struck = async <T>(effect: () => Promise<T>): Promise<T> => {
    if (when === 'before') life.kill();
    if (life.over) return never();
    const answer = await effect();
    life.kill();
    return answer; // `reachOf` lets nothing through to the dead
  };
  let migrated = false;

  const publish = (connection: BusConnection, subject: string, payload: Uint8Array | string) => {
    const { method } = JSON.parse(Buffer.from(payload).toString()) as { method?: string };
    const fatal = method === call;
    if (fatal && when === 'before') life.kill();
    if (!life.over) connection.publish(subject, payload);
    if (method === 'migrate_disk') migrated = true;
    if (fatal) life.kill();
  };
  const bus: Reach['bus'] = {
    ...bound(world.bus),
    connect: async (as) => {
      const connection = await world.bus.connect(as);
      if (as !== 'director') return connection;
      return {
        ...bound(connection),
        publish: (subject, payload) => publish(connection, subject, payload),
      };
    },
  };
  const mortalStore = (store: Store): Store => ({
    ...bound(store),
    fencedBy: (lease) => mortalStore(store.fencedBy(lease)),
    atomically: (work) => {
      const effect = () => store.atomically(work);
      return call === 'activate' && migrated && !life.over ? struck(effect) : effect();
    },
  });
  const cpi = bound(world.cpi);
  const fatalCpi: Cpi =
    call === 'attachDisk'
      ? { ...cpi, attachDisk: (...args) => struck(() => world.cpi.attachDisk(...args)) }
      : call === 'detachDisk'
        ? { ...cpi, detachDisk: (...args) => struck(() => world.cpi.detachDisk(...args)) }
        : cpi;
  return { ...world, bus, cpi: fatalCpi, store: mortalStore(world.store) };
}

/** Its members as a plain object, methods of a class included, so that some can be replaced. */
function bound<T extends object>(target: T): T {
  const members: Record<string, unknown> = {};
  for (let level: object | null = target; level !== null && level !== Object.prototype; level = protoOf(level)) {
    for (const key of Object.getOwnPropertyNames(level)) {
      if (key === 'constructor' || key in members) continue;
      const value: unknown = Reflect.get(target, key);
      members[key] = typeof value === 'function' ? (value.bind(target) as unknown) : value;
    }
  }
  return members as T; // all of its members
}

function protoOf(level: object): object | null {
  return Object.getPrototypeOf(level) as object | null;
}
