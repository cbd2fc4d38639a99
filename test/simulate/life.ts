import type { Clock, Timer } from '../../common/clock.ts';
import type { BusConnection } from '../../director/bus/bus.ts';
import type { Store } from '../../director/store/store.ts';
import type { Reach } from '../support/given-director.ts';

/**
 * One run of the director's program, which can be killed with -9 at any call to the outside: before the call, or after
 * its effect and before its answer. From then on nothing it does reaches the world, and nothing reaches it. What it had
 * in memory hangs for ever and is left to the garbage collector.
 *
 * It can also be stopped at any answer, as a suspended computer or a full swap does, and go on later as if nothing had
 * been: answers, messages and timers wait for it. (Not between a look at the clock and the call after it, where nothing
 * but the infrastructure itself could fence it off; and not in a transaction, where the database ends it.)
 */
export class Life {
  #callsLeft = Infinity;
  #strike: () => void = () => {};
  #over = false;
  #asleep: Promise<void> | undefined;
  #killed: () => void = () => {};
  /** Resolves when it is killed. */
  readonly death: Promise<void>;

  constructor() {
    this.death = new Promise((resolve) => (this.#killed = resolve));
  }

  get over(): boolean {
    return this.#over;
  }

  /** Both sides of a call count as a moment. */
  killAfter(moments: number): void {
    this.strikeAfter(moments, () => this.kill());
  }

  strikeAfter(moments: number, strike: () => void): void {
    this.#callsLeft = moments;
    this.#strike = strike;
  }

  stopUntil(end: Promise<void>): void {
    const asleep = end.then(() => {
      if (this.#asleep === asleep) this.#asleep = undefined;
    });
    this.#asleep = asleep;
  }

  /** Undefined: it is. */
  get awake(): Promise<void> | undefined {
    return this.#asleep;
  }

  kill(): void {
    this.#over = true;
    this.#killed();
  }

  /** A moment passes. */
  step(): void {
    if (this.#over || --this.#callsLeft >= 0) return;
    this.#callsLeft = Infinity;
    this.#strike();
  }
}

const never = () => new Promise<never>(() => {});

class Killed extends Error {}

/** The world as one life reaches it. */
export function reachOf(world: Reach, life: Life): Reach {
  return {
    ...world,
    clock: mortalClock(world.clock, life),
    store: mortalStore(world.store, life, false),
    blobs: mortal(world.blobs, life),
    cpi: mortal(world.cpi, life),
    bus: mortalBus(world.bus, life),
  };
}

function mortalBus(bus: Reach['bus'], life: Life): Reach['bus'] {
  const calls = mortal(bus, life);
  return {
    ...bus,
    connect: async (as) => mortalConnection(await bus.connect(as), life),
    issueCredentials: (agentId, kind) => calls.issueCredentials(agentId, kind),
    permit: (agentId, options) => calls.permit(agentId, options),
    revoke: (agentId) => calls.revoke(agentId),
    close: () => Promise.resolve(),
  };
}

/** Every method that answers with a promise is a call to the outside. Others only read. */
function mortal<T extends object>(target: T, life: Life, inTransaction = false): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        life.step();
        if (life.over) return inTransaction ? Promise.reject(new Killed()) : never();
        const answer: unknown = Reflect.apply(value, object, args);
        return answer instanceof Promise ? whileAlive(answer, life, inTransaction) : answer;
      };
    },
  });
}

/** A transaction that was open at the death is rolled back by the database: so here the work in it fails. */
async function whileAlive<T>(answer: Promise<T>, life: Life, inTransaction: boolean): Promise<T> {
  const settled = await Promise.allSettled([answer]);
  life.step();
  if (life.over) {
    if (inTransaction) throw new Killed();
    return never();
  }
  if (!inTransaction) await life.awake;
  if (life.over) return never();
  const [outcome] = settled;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

function mortalStore(store: Store, life: Life, inTransaction: boolean): Store {
  const part = <T extends object>(repository: T) => mortal(repository, life, inTransaction);
  const whole = mortal(store, life, inTransaction);
  return {
    tasks: part(store.tasks),
    locks: part(store.locks),
    configs: part(store.configs),
    releases: part(store.releases),
    stemcells: part(store.stemcells),
    deployments: part(store.deployments),
    instances: part(store.instances),
    events: part(store.events),
    problems: part(store.problems),
    snapshots: part(store.snapshots),
    errands: part(store.errands),
    logBundles: part(store.logBundles),
    links: part(store.links),
    dns: part(store.dns),
    logIns: part(store.logIns),
    credentials: part(store.credentials),
    variableSets: part(store.variableSets),
    attribute: (name) => whole.attribute(name),
    setAttribute: (name, value) => whole.setAttribute(name, value),
    claimOccurrence: (job, atMs) => whole.claimOccurrence(job, atMs),
    referencedBlobs: () => store.referencedBlobs(),
    fencedBy: (lease) => mortalStore(store.fencedBy(lease), life, inTransaction),
    atomically: (work) => {
      if (life.over) return inTransaction ? Promise.reject(new Killed()) : never();
      return whileAlive(
        store.atomically((inside) => work(mortalStore(inside, life, true))),
        life,
        inTransaction,
      );
    },
    close: () => Promise.resolve(),
  };
}

function mortalClock(clock: Clock, life: Life): Clock {
  const noTimer: Timer = { cancel: () => {} };
  return {
    now: () => clock.now(),
    sleep: async (ms, signal) => {
      await clock.sleep(ms, signal);
      await life.awake;
      if (life.over) await never();
    },
    after: (ms, fire) => (life.over ? noTimer : clock.after(ms, () => whenAwake(life, fire))),
  };
}

function whenAwake(life: Life, act: () => void): void {
  if (life.over) return;
  if (life.awake === undefined) return act();
  void life.awake.then(() => whenAwake(life, act));
}

function mortalConnection(connection: BusConnection, life: Life): BusConnection {
  return {
    publish: (subject, payload) => {
      life.step();
      if (!life.over) connection.publish(subject, payload);
    },
    subscribe: (subject, handler) =>
      connection.subscribe(subject, (from, payload) => whenAwake(life, () => handler(from, payload))),
    flush: () => connection.flush(),
    close: () => connection.close(),
  };
}
