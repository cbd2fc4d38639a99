import type { LimitFunction } from 'p-limit';
import type { Chance } from '../../common/chance.ts';
import type { Log } from '../../common/log.ts';
import type { Calls } from './calls.ts';
import type { RunEnd } from './program.ts';
import { redacted } from './redact.ts';
import {
  errorOf,
  noAnswer,
  parseAnswer,
  type CallName,
  type WireAnswer,
  type WireMethod,
  type WireRequest,
} from './wire.ts';

/** What a call is made within. */
export interface Scope {
  /** Takes what the program says of its work: the task's cpi log. */
  onOutput?: (text: string) => void;
  /** Of the stemcell that the VM or disk is made with; its agent knows then how it gets its settings. */
  stemcellApiVersion?: number;
}

export interface CallerOptions {
  program: string;
  directorUuid: string;
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
}

/** Makes requests and judges answers. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #calls: Calls;
  readonly #scope: Scope;
  readonly #atOnce: LimitFunction;

  constructor(options: CallerOptions, calls: Calls, atOnce: LimitFunction, scope: Scope) {
    this.#options = options;
    this.#calls = calls;
    this.#scope = scope;
    this.#atOnce = atOnce;
  }

  /** @throws CpiError | CpiOutcomeUnknown */
  call(method: WireMethod, given: unknown[], how: How): Promise<Result> {
    return this.#atOnce(async () => {
      const request = this.#request(method, given, how.apiVersion);
      const call = { method, requestId: String(request.context['request_id']) };
      this.#logRequest(request, call);
      const onStderr = this.#scope.onOutput ?? (() => {});
      const name = how.name === undefined ? {} : { name: how.name };
      const end = await this.#calls.run(this.#options.program, request, {
        requestId: call.requestId,
        ...name,
        onStderr,
      });
      return this.#judge(end, call, how.details);
    });
  }

  /**
   * Makes the call unless one of this name has succeeded or is under way; then its answer is this one's too.
   * An error that was answered is no answer to keep: the call is made again.
   */
  async callOnce(method: WireMethod, given: unknown[], how: How & { name: string }): Promise<Result> {
    const { details = {} } = how;
    const before = await this.#calls.ended(how.name, method, this.#scope.onOutput ?? (() => {}));
    if (before === undefined) return this.call(method, given, how);
    const call = { method, requestId: 'of an earlier call' };
    const answer = this.#read(before, call, details);
    if (answer.error === null) return { result: answer.result, call, details };
    await this.#calls.forget(how.name);
    return this.call(method, given, how);
  }

  #judge(end: RunEnd, call: CallName, details: Record<string, unknown> = {}): Result {
    const answer = this.#read(end, call, details);
    if (answer.log !== '') this.#scope.onOutput?.(answer.log);
    if (answer.error === null) {
      this.#options.log.debug('cpi-answered', { ...call });
      return { result: answer.result, call, details };
    }
    const error = errorOf(answer.error, call);
    this.#options.log.debug('cpi-answered', { ...call, error: error.message });
    throw error;
  }

  #read(end: RunEnd, call: CallName, details: Record<string, unknown> = {}): WireAnswer {
    if (end.state === 'timed-out') throw noAnswer(call, 'did not come in time, and it was stopped', undefined, details);
    if (end.answer === null && end.answerBytes > 0) {
      throw noAnswer(call, `has ${end.answerBytes} bytes, which is too many`, undefined, details);
    }
    if (end.state === 'died') throw noAnswer(call, 'never came: the program was killed', undefined, details);
    return parseAnswer(end.answer ?? '', call, details);
  }

  #request(method: WireMethod, given: unknown[], apiVersion: number | undefined): WireRequest {
    const { directorUuid, properties = {}, chance } = this.#options;
    const { stemcellApiVersion } = this.#scope;
    return {
      method,
      arguments: given,
      context: {
        director_uuid: directorUuid,
        request_id: `cpi-${100_000 + chance.below(900_000)}`,
        ...(stemcellApiVersion === undefined ? {} : { vm: { stemcell: { api_version: stemcellApiVersion } } }),
        ...properties,
      },
      ...(apiVersion === undefined ? {} : { api_version: apiVersion }),
    };
  }

  #logRequest(request: WireRequest, call: CallName): void {
    const shown = redacted(request, Object.keys(this.#options.properties ?? {}));
    this.#options.log.debug('cpi-asked', { ...call, program: this.#options.program, request: shown });
  }
}
