import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { systemClock, type Timer } from '../../../common/clock.ts';
import { InvalidInput, messageOf, OperatorError, type Fault } from '../../../common/errors.ts';
import { jsonText } from '../../../manifests/json.ts';
import type { YamlMap } from '../../../manifests/value.ts';
import { programFile } from '../program-file.ts';
import { ready, type CheckAnswer } from './protocol.ts';

export interface SchemaLimits {
  /** For one job: to compile its schema, if that is new, and to check its properties. */
  checkMsMax: number;
  heapMbMax: number;
}

const limitsByDefault: SchemaLimits = { checkMsMax: 5_000, heapMbMax: 256 };

/** A deploy has checked all its jobs well before. */
const restAfterMs = 10_000;

/**
 * Checks properties of jobs against their properties_schema.json, in a thread of its own: a regular expression can take
 * for ever, and whatever takes long must not hold up the director. It starts when it is needed, and ends when it has
 * rested for a while, or its work has to be ended.
 */
export class SchemaChecks {
  readonly #limits: SchemaLimits;
  readonly #oneByOne = pLimit(1);
  #worker: Promise<Worker> | undefined;
  #resting: Timer | undefined;
  /** What is waited for at this moment. */
  #waiting: AbortController | undefined;
  #closed = false;

  constructor(limits: Partial<SchemaLimits> = {}) {
    this.#limits = { ...limitsByDefault, ...limits };
  }

  /**
   * @returns what does not fit, with paths from the job's on; empty: all does
   * @throws InvalidInput `job-schema-invalid`: the release must be repaired, no manifest can
   * @throws OperatorError `schema-checks-closed` (retryable)
   */
  check(job: string, schema: string, properties: YamlMap): Promise<Fault[]> {
    return this.#oneByOne(async () => {
      if (this.#closed) throw closed();
      // For ajv an integer is a number, also a large one, which JSON text makes it
      const json = asJson(properties);
      if ('faults' in json) return json.faults;
      const answer = await this.#ask({ schema, properties: json.text });
      if ('faults' in answer) return answer.faults;
      throw new InvalidInput(`job ${job}`, [{ path: 'properties_schema.json', message: answer.unusable }], {
        code: 'job-schema-invalid',
        hint: 'The release has to be repaired: the schema of its job can not be used.',
      });
    });
  }

  /** Ends what runs; it fails with `schema-checks-closed`, as do checks that wait and that come later. May be repeated. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting?.abort();
    await this.#rest();
  }

  /** Ends the thread; the next check starts another. */
  async #rest(): Promise<void> {
    this.#resting?.cancel();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.then(
      (started) => started.terminate(),
      () => {}, // it never started, of which whoever needed it heard
    );
  }

  async #ask(request: { schema: string; properties: string }): Promise<CheckAnswer> {
    this.#resting?.cancel();
    const { checkMsMax } = this.#limits;
    try {
      this.#worker ??= this.#start();
      const worker = await this.#worker;
      worker.ref();
      worker.postMessage(request);
      const answer = await this.#message(worker, checkMsMax);
      worker.unref();
      this.#resting = systemClock.after(restAfterMs, () => void this.#rest());
      return answer as CheckAnswer; // worker.ts says nothing else
    } catch (thrown) {
      await this.#rest();
      if (this.#closed) throw closed();
      const tooSlow = thrown instanceof Error && thrown.name === 'AbortError';
      const why = tooSlow ? `it took longer than ${checkMsMax} ms` : messageOf(thrown);
      return { faults: [{ path: 'properties', message: `can not be checked by properties_schema.json: ${why}` }] };
    }
  }

  /** Its limits of time count from when it can serve. */
  async #start(): Promise<Worker> {
    const file = await programFile('schema-worker', new URL('./worker.ts', import.meta.url), import.meta.url);
    const worker = new Worker(file, {
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMbMax },
      env: {},
      execArgv: [],
    });
    worker.on('error', () => {}); // whoever waits hears of it, too
    try {
      const said = await this.#message(worker);
      if (said !== ready) throw new Error(`its thread began with ${JSON.stringify(said)}`);
      return worker;
    } catch (thrown) {
      await worker.terminate();
      throw thrown;
    }
  }

  /** @throws an AbortError after `msMax`, in real time, since real work has no other; and when all is closed */
  async #message(worker: Worker, msMax?: number): Promise<unknown> {
    const waiting = new AbortController();
    this.#waiting = waiting;
    if (this.#closed) waiting.abort();
    const limit = msMax === undefined ? undefined : systemClock.after(msMax, () => waiting.abort());
    try {
      const [message] = (await once(worker, 'message', { signal: waiting.signal })) as [unknown];
      return message;
    } finally {
      limit?.cancel();
    }
  }
}

function asJson(properties: YamlMap): { text: string } | { faults: Fault[] } {
  try {
    return { text: jsonText(properties) };
  } catch (thrown) {
    return { faults: [{ path: 'properties', message: messageOf(thrown) }] }; // infinity, say
  }
}

function closed(): OperatorError {
  return new OperatorError('properties of jobs are not checked any more: the director is shutting down', {
    code: 'schema-checks-closed',
    retryable: true,
    hint: 'Run the task again when the director is back.',
  });
}
