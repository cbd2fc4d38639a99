import type { ProgressEvent } from '../../director/api/contract/tasks.ts';

/** What a deploy may do at a time. */
export interface WaveLimits {
  canaries: number;
  maxInFlight: number;
}

/**
 * Invariant 6, by a task's event stream: in each group the canaries that were asked for go first, never more than
 * `maxInFlight` are updated or scaled away at a time, no other begins before all canaries are done, and none at all, of
 * whatever group, after one has failed. A task that was begun anew after a kill is looked at by itself.
 */
export function waveViolations(events: string, limits: WaveLimits): string[] {
  const found: string[] = [];
  let waves = new Waves(limits);
  for (const line of events.split('\n')) {
    const event = line === '' ? undefined : (JSON.parse(line) as Partial<ProgressEvent>); // our own stream
    if (event?.stage === 'Preparing deployment' && event.task === event.stage && event.state === 'started') {
      waves = new Waves(limits);
    }
    if (event !== undefined) found.push(...waves.see(event));
  }
  return found.map((what) => `invariant 6: ${what}`);
}

class Waves {
  readonly #limits: WaveLimits;
  readonly #updates = new Map<string, Updates>();
  readonly #deletions = new Map<string, InFlight>();
  #failed = false;

  constructor(limits: WaveLimits) {
    this.#limits = limits;
  }

  see({ stage, task, state, tags: [group] = [] }: Partial<ProgressEvent>): string[] {
    // Without a tag it is a group that is gone: nobody is left there to be served.
    if (task === undefined || state === undefined || group === undefined) return [];
    if (stage === 'Deleting unneeded instances')
      return kept(this.#deletions, group, () => new InFlight(this.#limits.maxInFlight)).see(task, state);
    if (stage !== 'Updating instance') return [];
    const late = state === 'started' && this.#failed ? [`${task} began after another had failed`] : [];
    if (state === 'failed') this.#failed = true;
    return [...late, ...kept(this.#updates, group, () => new Updates(this.#limits)).see(task, state)];
  }
}

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

class InFlight {
  readonly #max: number;
  readonly #running = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  see(task: string, state: ProgressEvent['state']): string[] {
    if (state === 'started') this.#running.add(task);
    if (state === 'finished' || state === 'failed') this.#running.delete(task);
    const count = this.#running.size;
    return state === 'started' && count > this.#max ? [`${count} in flight, allowed are ${this.#max}`] : [];
  }
}

class Updates {
  readonly #limits: WaveLimits;
  readonly #inFlight: InFlight;
  readonly #canaries = new Set<string>();
  #canariesRunning = 0;

  constructor(limits: WaveLimits) {
    this.#limits = limits;
    this.#inFlight = new InFlight(limits.maxInFlight);
  }

  see(task: string, state: ProgressEvent['state']): string[] {
    const canary = task.includes('(canary)');
    const found = [...(state === 'started' ? this.#begin(task, canary) : []), ...this.#inFlight.see(task, state)];
    if (canary && (state === 'finished' || state === 'failed')) this.#canariesRunning--;
    return found;
  }

  #begin(task: string, canary: boolean): string[] {
    const { canaries } = this.#limits;
    const found: string[] = [];
    if (canary) {
      this.#canaries.add(task);
      this.#canariesRunning++;
    } else if (canaries > 0 && this.#canaries.size === 0) found.push(`${task} began before any canary`);
    else if (this.#canariesRunning > 0) found.push(`${task} began while a canary was under way`);
    if (this.#canaries.size > canaries) found.push(`${this.#canaries.size} canaries, asked for were ${canaries}`);
    return found;
  }
}
