import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { resurrects } from '../../manifests/small-configs.ts';
import { own, type Unhealthy } from './analyze.ts';
import type { EventProcessor } from './event-processor.ts';
import type { Fleet } from './fleet.ts';
import { MeltdownWatch, type MeltdownLimits } from './meltdown.ts';
import type { ResurrectionRules } from './resurrection-rules.ts';

/** What the resurrector asks of the rest of the director. */
export interface ScanAndFix {
  /** Whether somebody has switched it off for the whole director. */
  paused(): Promise<boolean>;
  /** Whether one waits or runs for the deployment. */
  underWay(deployment: string): Promise<boolean>;
  /** @param jobs ids of instances by instance group. @throws OperatorError when it is not to be */
  enqueue(deployment: string, jobs: Record<string, string[]>): Promise<void>;
}

export interface ResurrectorDeps {
  fleet: Fleet;
  processor: EventProcessor;
  rules: ResurrectionRules;
  scanAndFix: ScanAndFix;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/**
 * acts        it is looked at, and gets another VM
 * off         by the director's config
 * paused      by the operator, for all: `bosh update-resurrection off`
 * forbidden   by a config of the type `resurrection`
 * meltdown    too many are dead at once; `why` has the figures
 */
export type ResurrectionVerdict = { kind: 'acts' | 'off' | 'paused' | 'forbidden' } | { kind: 'meltdown'; why: string };

const source = 'HM plugin resurrector';

/**
 * Has instances that need a VM looked at and given another: unless so many need one that it must be the network, a rule or
 * the operator forbids it, or it is under way already. What it decided is told with the next judgement again.
 */
export class Resurrector {
  readonly #deps: ResurrectorDeps;
  readonly #meltdown: MeltdownWatch;

  constructor(deps: ResurrectorDeps, limits: MeltdownLimits) {
    this.#deps = deps;
    this.#meltdown = new MeltdownWatch(limits);
  }

  async act({ deployment, instances }: Unhealthy): Promise<void> {
    const { log, scanAndFix, rules } = this.#deps;
    const nowMs = this.#deps.clock.now();
    this.#meltdown.record(deployment, [...instances.values()].flat(), nowMs);
    const { state, summary } = this.#meltdown.stateOf(deployment, this.#watched(deployment), nowMs);
    if (state === 'normal') return;
    if (state === 'meltdown') {
      const skipped = `Skipping resurrection for instances: ${namesOf(instances)}; ${summary}`;
      return this.#alert(deployment, 1, 'We are in meltdown', skipped);
    }
    const current = await rules.current();
    const [allowed, forbidden] = split(this.#notIgnored(deployment, instances), (group) =>
      resurrects(current, deployment, group),
    );
    if (allowed.size > 0) {
      // BOSH tells of a scan that its director then refuses; here only one that comes is told of.
      if (await scanAndFix.paused())
        return log.info('resurrection-paused', { deployment, instances: namesOf(allowed) });
      if (await scanAndFix.underWay(deployment)) return log.info('resurrection-under-way', { deployment });
      await this.#scan(deployment, allowed, summary);
    }
    if (forbidden.size > 0) {
      const skipped = `Skipping resurrection for instances: ${namesOf(forbidden)}; ${summary} because of resurrection config`;
      this.#alert(deployment, 1, 'Resurrection is disabled by resurrection config', skipped);
    }
  }

  /** What would come of it if an instance of the group were found to need a VM now. */
  async verdict(deployment: string, group: string): Promise<ResurrectionVerdict> {
    const { clock, rules, scanAndFix } = this.#deps;
    const { state, summary } = this.#meltdown.stateOf(deployment, this.#watched(deployment), clock.now());
    if (state === 'meltdown') return { kind: 'meltdown', why: summary };
    if (!resurrects(await rules.current(), deployment, group)) return { kind: 'forbidden' };
    return { kind: (await scanAndFix.paused()) ? 'paused' : 'acts' };
  }

  async #scan(deployment: string, instances: Map<string, string[]>, summary: string): Promise<void> {
    try {
      await this.#deps.scanAndFix.enqueue(deployment, Object.fromEntries(instances));
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      return this.#deps.log.warn('resurrection-refused', { deployment, error: messageOf(thrown) });
    }
    const notified = `Notifying Director to scan instances: ${namesOf(instances)}; ${summary}`;
    this.#alert(deployment, 4, 'Scan unresponsive VMs', notified);
  }

  #notIgnored(deployment: string, instances: Map<string, string[]>): Map<string, string[]> {
    const all = this.#deps.fleet.deployment(deployment)?.instances ?? [];
    const ignored = new Set<string>(all.filter((one) => one.ignored).map(({ id }) => id));
    const left = [...instances].map(([group, ids]) => [group, ids.filter((one) => !ignored.has(one))] as const);
    return new Map(left.filter(([, ids]) => ids.length > 0));
  }

  #watched(deployment: string): string[] {
    const { fleet } = this.#deps;
    const all = fleet.deployment(deployment)?.instances ?? [];
    const needsVm = (one: (typeof all)[number]) => one.agentId === null && one.expectsVm && one.cid === null;
    return all.filter((one) => fleet.agentOf(one) !== undefined || needsVm(one)).map(({ id }) => id);
  }

  #alert(deployment: string, severity: number, title: string, summary: string): void {
    const { processor, clock, chance } = this.#deps;
    processor.process(own({ severity, title, summary, source, deployment }, { nowMs: clock.now(), chance }));
  }
}

function split<T>(groups: Map<string, T>, test: (group: string) => boolean): [Map<string, T>, Map<string, T>] {
  const entries = [...groups];
  return [new Map(entries.filter(([group]) => test(group))), new Map(entries.filter(([group]) => !test(group)))];
}

/** A text that people read: of very many instances only the first. */
const namedMax = 100;

function namesOf(instances: Map<string, string[]>): string {
  const names = [...instances].flatMap(([group, ids]) => ids.map((instance) => `${group}/${instance}`));
  if (names.length <= namedMax) return names.join(', ');
  return `${names.slice(0, namedMax).join(', ')} and ${names.length - namedMax} more`;
}
