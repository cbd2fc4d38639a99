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
  readonly #program: () => Promise<URL>;
  readonly #oneByOne = pLimit(1);
  #worker: Promise<Worker> | undefined;
  #resting: Timer | undefined;
  /** What is waited for at this moment. */
  #waiting: AbortController | undefined;
  #closed = false;

  constructor(limits: Partial<SchemaLimits> = {}, program = workerProgram) {
    this.#limits = { ...limitsByDefault, ...limits };
    this.#program = program;
  }

  /**
   * @returns what does not fit, with paths from the job's on; empty: all does
   * @throws InvalidInput `job-schema-invalid`: the release must be repaired, no manifest can
   * @throws OperatorError `schema-checks-closed` | `schema-checks-down` (retryable)
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
    const worker = await this.#started();
    try {
      worker.ref();
      worker.postMessage(request);
      const answer = await this.#message(worker, checkMsMax);
      worker.unref();
      this.#resting = systemClock.after(restAfterMs, () => void this.#rest());
      return answer as CheckAnswer; // worker.ts says nothing else
    } catch (thrown) {
      await this.#rest();
      if (this.#closed) throw closed();
      const why = isAbort(thrown) ? `it took longer than ${checkMsMax} ms` : messageOf(thrown);
      return { faults: [{ path: 'properties', message: `can not be checked by properties_schema.json: ${why}` }] };
    }
  }

  async #started(): Promise<Worker> {
    this.#worker ??= this.#start();
    try {
      return await this.#worker;
    } catch (thrown) {
      this.#worker = undefined; // the next check tries again
      throw this.#closed ? closed() : down(thrown);
    }
  }

  /** Its limits of time count from when it can serve. */
  async #start(): Promise<Worker> {
    const worker = new Worker(await this.#program(), {
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

  /**
   * @throws an AbortError after `msMax`, in real time, since real work has no other; and when all is closed. An Error
   *   when the thread ends, with an error of its own or without a word
   */
  async #message(worker: Worker, msMax?: number): Promise<unknown> {
    const waiting = new AbortController();
    this.#waiting = waiting;
    if (this.#closed) waiting.abort();
    const limit = msMax === undefined ? undefined : systemClock.after(msMax, () => waiting.abort());
    const ended = (code: number) => waiting.abort(new Error(`its thread ended with code ${code}`));
    worker.once('exit', ended);
    try {
      const [message] = (await once(worker, 'message', { signal: waiting.signal })) as [unknown];
      return message;
    } catch (thrown) {
      throw isAbort(thrown) ? waiting.signal.reason : thrown; // not the reason alone: after an error it ends as well
    } finally {
      limit?.cancel();
      worker.off('exit', ended);
    }
  }
}

const workerProgram = () => programFile('schema-worker', new URL('./worker.ts', import.meta.url), import.meta.url);

const isAbort = (thrown: unknown) => thrown instanceof Error && thrown.name === 'AbortError';

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

function down(cause: unknown): OperatorError {
  return new OperatorError(
    `properties of jobs can not be checked: the thread for it did not start: ${messageOf(cause)}`,
    {
      code: 'schema-checks-down',
      retryable: true,
      hint: "Run the task again. If it says the same, see whether the director's machine is out of memory, and restart it.",
      cause,
    },
  );
}
