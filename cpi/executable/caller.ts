import type { LimitFunction } from 'p-limit';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { byLine, CallLog, requestIdFrom } from '../call-log.ts';
import type { CpiScope } from '../cpi.ts';
import type { Calls } from './calls.ts';
import type { RunEnd } from './program.ts';
import { redacted, redactedResult } from './redact.ts';
import {
  errorOf,
  noAnswer,
  parseAnswer,
  type CallName,
  type WireAnswer,
  type WireMethod,
  type WireRequest,
} from './wire.ts';

export interface CallerOptions {
  program: string;
  directorUuid: string;
  clock: Clock;
  chance: Chance;
  log: Log;
  properties?: Record<string, unknown>;
}

/** An answer that was no error. */
export interface Result {
  readonly result: unknown;
  readonly call: CallName;
  /** For the error, should the result be none. */
  readonly details: Record<string, unknown>;
}

interface How {
  /** Undefined: the `info` that asks which versions there are. */
  apiVersion: number | undefined;
  name?: string;
  details?: Record<string, unknown>;
  signal?: AbortSignal | undefined;
}

/** Makes requests and judges answers. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #calls: Calls;
  readonly #scope: CpiScope;
  readonly #atOnce: LimitFunction;
  readonly #log: CallLog;

  constructor(options: CallerOptions, calls: Calls, atOnce: LimitFunction, scope: CpiScope) {
    this.#options = options;
    this.#calls = calls;
    this.#scope = scope;
    this.#atOnce = atOnce;
    this.#log = new CallLog('external-cpi', options.clock, (text) => scope.onOutput?.(text));
  }

  /** @throws CpiError | CpiOutcomeUnknown */
  call(method: WireMethod, given: unknown[], how: How): Promise<Result> {
    return this.#atOnce(async () => {
      const request = this.#request(method, given, how.apiVersion);
      const call = { method, requestId: String(request.context['request_id']) };
      const name = how.name === undefined ? {} : { name: how.name };
      const begins = async () => {
        how.signal?.throwIfAborted();
        if (method !== 'info') await this.#scope.beforeCall?.(); // who asks first asks it for the others, too
        this.#logRequest(request, call);
      };
      const end = await this.#withStderr((onStderr) =>
        this.#calls.run(this.#options.program, request, { requestId: call.requestId, ...name, begins, onStderr }),
      );
      return this.#judge(end, call, how.details);
    });
  }

  /**
   * Makes the call unless one of this name has succeeded or is under way; then its answer is this one's too.
   * An error that was answered is no answer to keep: the call is made again.
   */
  async callOnce(method: WireMethod, given: unknown[], how: How & { name: string }): Promise<Result> {
    const { details = {} } = how;
    const before = await this.#withStderr((onStderr) => this.#calls.ended(how.name, method, onStderr));
    if (before === undefined) return this.call(method, given, how);
    const call = { method, requestId: before.requestId };
    this.#log.askedBefore(call.requestId, method);
    const answer = this.#answer(before, call, details);
    if (answer.error === null) return { result: answer.result, call, details };
    await this.#scope.beforeCall?.(); // who has the task now may have begun the call anew, in this folder
    await this.#calls.forget(how.name);
    return this.call(method, given, how);
  }

  #judge(end: RunEnd, call: CallName, details: Record<string, unknown> = {}): Result {
    const answer = this.#answer(end, call, details);
    if (answer.error === null) {
      this.#options.log.debug('cpi-answered', { ...call });
      return { result: answer.result, call, details };
    }
    const error = errorOf(answer.error, call);
    this.#options.log.debug('cpi-answered', { ...call, error: error.message });
    throw error;
  }

  /** Written down, and then what the program kept to tell at its end. @throws what `#read` throws */
  #answer(end: RunEnd, call: CallName, details: Record<string, unknown>): WireAnswer {
    try {
      const { result, error, log } = this.#read(end, call, details);
      this.#log.answered(call.requestId, { result: redactedResult(call.method, result), error });
      if (log !== '') this.#scope.onOutput?.(log.endsWith('\n') ? log : `${log}\n`);
      return { result, error, log };
    } catch (thrown) {
      this.#log.ended(call.requestId, messageOf(thrown));
      throw thrown;
    }
  }

  /** Its standard error as it comes, in whole lines where it writes them. */
  async #withStderr<T>(run: (onStderr: (text: string) => void) => Promise<T>): Promise<T> {
    const lines = byLine((text) => this.#scope.onOutput?.(text), this.#options.clock);
    try {
      return await run(lines.add);
    } finally {
      lines.end();
    }
  }

  #read(end: RunEnd, call: CallName, details: Record<string, unknown> = {}): WireAnswer {
    if (end.state === 'timed-out') {
      const seconds = Math.round(this.#calls.timeLimitMs(call.method) / 1000);
      throw noAnswer(call, `did not come in ${seconds} s, and the program was ended`, undefined, details);
    }
    if (end.answer === null && end.answerBytes > 0) {
      throw noAnswer(call, `has ${end.answerBytes} bytes, which is too many`, undefined, details);
    }
    if (end.state === 'died') throw noAnswer(call, 'never came: the program was killed', undefined, details);
    return parseAnswer(end.answer ?? '', call, { details, ...(end.failure === null ? {} : { failure: end.failure }) });
  }

  #request(method: WireMethod, given: unknown[], apiVersion: number | undefined): WireRequest {
    const { directorUuid, properties = {}, chance } = this.#options;
    const { stemcellApiVersion } = this.#scope;
    return {
      method,
      arguments: given,
      context: {
        director_uuid: directorUuid,
        request_id: requestIdFrom(chance),
        ...(stemcellApiVersion === undefined ? {} : { vm: { stemcell: { api_version: stemcellApiVersion } } }),
        ...properties,
      },
      ...(apiVersion === undefined ? {} : { api_version: apiVersion }),
    };
  }

  #logRequest(request: WireRequest, call: CallName): void {
    const shown = redacted(request, Object.keys(this.#options.properties ?? {}));
    this.#log.asked(call.requestId, shown, this.#options.program);
    this.#options.log.debug('cpi-asked', { ...call, program: this.#options.program, request: shown });
  }
}
