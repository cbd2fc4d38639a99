import type { Clock } from '../../common/clock.ts';
import type { Cpi } from '../cpi.ts';
import { CpiError, CpiOutcomeUnknown } from '../errors.ts';

export type CpiMethod = keyof Cpi;
/** Relative to the effect: `after` means that it happened and that the caller doesn't hear of it. */
export type When = 'before' | 'after';

interface Script {
  failures: Array<{ when: When; error: Error }>;
  delayMs: number;
  hung: Array<() => void> | null;
}

/** How an infrastructure misbehaves, to order. Scripts stay until they are used up or cleared. */
export class Faults {
  readonly #clock: Clock;
  readonly #scripts = new Map<CpiMethod, Script>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next call fails; said twice, the next two. Each takes the first failure that was not yet taken. */
  failOnce(method: CpiMethod, when: When, error: Error = defaultError(method, when)): void {
    this.#script(method).failures.push({ when, error });
  }

  /** Every call takes this much longer, before its effect. 0: as quick as ever. */
  delay(method: CpiMethod, ms: number): void {
    this.#script(method).delayMs = ms;
  }

  /** Calls stand still before their effect, until they are aborted or the returned function is called. */
  hang(method: CpiMethod): () => void {
    const script = this.#script(method);
    script.hung ??= [];
    return () => {
      const waiting = script.hung ?? [];
      script.hung = null;
      for (const go of waiting) go();
    };
  }

  clear(): void {
    for (const script of this.#scripts.values()) for (const go of script.hung ?? []) go();
    this.#scripts.clear();
  }

  /** Runs a call as scripted. */
  async around<T>(method: CpiMethod, signal: AbortSignal | undefined, effect: () => Promise<T>): Promise<T> {
    const script = this.#scripts.get(method);
    if (script === undefined) {
      signal?.throwIfAborted();
      return effect();
    }
    const failure = script.failures.shift();
    if (script.hung !== null) await standStill(script.hung, signal);
    if (script.delayMs > 0) await this.#clock.sleep(script.delayMs, signal);
    signal?.throwIfAborted();
    if (failure?.when === 'before') throw failure.error;
    const result = await effect();
    if (failure?.when === 'after') throw failure.error;
    return result;
  }

  #script(method: CpiMethod): Script {
    let script = this.#scripts.get(method);
    if (script === undefined) this.#scripts.set(method, (script = { failures: [], delayMs: 0, hung: null }));
    return script;
  }
}

function standStill(hung: Array<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason as Error);
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    hung.push(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });
}

function defaultError(method: CpiMethod, when: When): Error {
  return when === 'before'
    ? new CpiError(method === 'createVm' ? 'VMCreationFailed' : 'CloudError', `${method}: refused, as scripted`)
    : new CpiOutcomeUnknown(`${method}: its answer was lost, as scripted`, { details: { method } });
}
