import { protocolVersion, subjects, type AgentMethod, type Request, type Response } from '../../agent/protocol.ts';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { AgentId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import { AgentFailed, answerMalformed, type CallName } from './agent-errors.ts';
import type { BusConnection, Subscription } from './bus.ts';
import { busClosed } from './errors.ts';

export interface RpcDeps {
  /** The director's. */
  connection: BusConnection;
  clock: Clock;
  chance: Chance;
  log: Log;
}

export const timedOut = Symbol('no answer in time');

interface Pending {
  agentId: AgentId;
  answer: (payload: Buffer) => void;
  abandon: (reason: unknown) => void;
}

/**
 * One question, one answer. All answers come by one subscription and find their question by its id.
 *
 * INVARIANTS
 * - A question is in #pending from before it is sent until exactly one of: answer, time-out, abort, close.
 * - An answer counts only if it came from the agent that was asked: the bus lets an agent speak under its own id only.
 */
export class Rpc {
  readonly #deps: RpcDeps;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #subscription: Subscription;
  #closed = false;

  constructor(deps: RpcDeps) {
    this.#deps = deps;
    this.#inbox = deps.chance.uuid();
    this.#subscription = deps.connection.subscribe(subjects.replies(this.#inbox), (subject, payload) =>
      this.#receive(subject, payload),
    );
  }

  /**
   * The value that the agent answered, or `timedOut`. `method` is what is asked on behalf of the call that `name` names:
   * get_task for apply.
   * @throws AgentFailed; OperatorError `agent-answer-malformed` | `bus-message-too-large` | `bus-closed`; the signal's reason
   */
  request(
    name: CallName,
    args: unknown[],
    options: { method: AgentMethod; timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<unknown> {
    const { clock } = this.#deps;
    const { method, timeoutMs, signal } = options;
    const { agentId } = name;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      if (this.#closed) return reject(busClosed());
      const requestId = this.#deps.chance.uuid();
      const settled = () => {
        this.#pending.delete(requestId);
        timer.cancel();
        signal?.removeEventListener('abort', abort);
      };
      const abandon = (reason: unknown) => {
        settled();
        reject(reason as Error);
      };
      const abort = () => abandon(signal?.reason);
      const timer = clock.after(timeoutMs, () => {
        settled();
        resolve(timedOut);
      });
      const answer = (payload: Buffer) => {
        settled();
        try {
          resolve(valueOf(name, payload));
        } catch (error) {
          reject(error as Error);
        }
      };
      this.#pending.set(requestId, { agentId, answer, abandon });
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.#publish({ agentId, method }, args, requestId);
      } catch (error) {
        abandon(error);
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscription.unsubscribe();
    for (const { abandon } of this.#pending.values()) abandon(busClosed());
  }

  /** Arguments stay out of the log: settings and blobs among them are secrets. */
  #publish({ agentId, method }: { agentId: AgentId; method: AgentMethod }, args: unknown[], requestId: string): void {
    const request: Request = {
      protocol: protocolVersion,
      method,
      arguments: args,
      reply_to: subjects.reply(this.#inbox, agentId, requestId),
    };
    this.#deps.connection.publish(subjects.agent(agentId), JSON.stringify(request));
    this.#deps.log.debug('agent-asked', { agentId, method, requestId });
  }

  #receive(subject: string, payload: Buffer): void {
    const [, , agentId, requestId = ''] = subject.split('.');
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return this.#deps.log.debug('agent-answer-late', { agentId, requestId });
    if (pending.agentId !== agentId) return this.#deps.log.warn('agent-answer-forged', { agentId, requestId });
    pending.answer(payload);
  }
}

function valueOf(name: CallName, payload: Buffer): unknown {
  let response: Partial<Record<'value' | 'exception', unknown>> | null;
  try {
    response = JSON.parse(payload.toString()) as typeof response; // checked below
  } catch {
    throw answerMalformed(name, payload.length);
  }
  if (typeof response !== 'object' || response === null) throw answerMalformed(name, payload.length);
  if (response.exception !== undefined) throw new AgentFailed(name, exceptionOf(response.exception));
  if (!('value' in response)) throw answerMalformed(name, payload.length);
  return response.value;
}

/** Old agents answer a bare text. */
function exceptionOf(exception: unknown): Extract<Response, { exception: unknown }>['exception'] {
  if (typeof exception !== 'object' || exception === null) return { message: messageOf(exception) };
  const { message, backtrace, blobstore_id } = exception as Record<string, unknown>; // an object, as just checked
  return {
    message: messageOf(message ?? 'no message'),
    ...(typeof backtrace === 'string' ? { backtrace } : {}),
    ...(typeof blobstore_id === 'string' ? { blobstore_id } : {}),
  };
}
