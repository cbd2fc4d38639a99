import { isAgentTask, type AgentMethod, type AgentMethods } from '../../agent/protocol.ts';
import { messageOf } from '../../common/errors.ts';
import type { AgentId } from '../../common/ids.ts';
import {
  AgentFailed,
  AgentTimedOut,
  agentTaskLost,
  AgentUnreachable,
  unsupportedAction,
  type CallName,
} from './agent-errors.ts';
import { answerMsMax, ruleOf } from './agent-methods.ts';
import type { Agents, Begun, CallOptions, WaitOptions } from './agents.ts';
import type { Heartbeats } from './heartbeats.ts';
import { Rpc, timedOut, type RpcDeps } from './rpc.ts';

/** A long action is asked after at once, since most take milliseconds, then less and less often. */
const pollFirstMs = 10;
const pollMsMax = 1_000;

/** For cancel_task's own answer: who cancels does not wait longer for an agent that may be dead. */
const cancelWithinMs = 5_000;

/** A VM that is waited for is pinged at once, then after this and less and less often: lost pings cost nothing. */
const pingFirstMs = 100;
const pingMsMax = 1_000;
/** BOSH's agent_wait_timeout. */
const readyWithinMs = 600_000;

export interface AgentClientDeps extends RpcDeps {
  /** Makes waiting for a new agent end with its first heartbeat; without, within a second of it. */
  heartbeats?: Heartbeats;
}

/** One call, on its way. */
interface Call {
  name: CallName;
  timeoutMs: number;
  deadlineMs: number;
  signal: AbortSignal | undefined;
}

export class AgentClient implements Agents {
  readonly #deps: AgentClientDeps;
  readonly #rpc: Rpc;

  constructor(deps: AgentClientDeps) {
    this.#deps = deps;
    this.#rpc = new Rpc(deps);
  }

  /** What is still waited for fails with `bus-closed`. The connection stays the caller's. */
  close(): void {
    this.#rpc.close();
  }

  async call<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    args: AgentMethods[M]['arguments'],
    options: CallOptions = {},
  ): Promise<AgentMethods[M]['result']> {
    const call = this.#callOf(agentId, method, options);
    try {
      const value = await this.#start(call, args);
      if (!isAgentTask(value)) return value;
      options.onRunning?.(value.agent_task_id);
      return await this.#finishOrCancel(call, value.agent_task_id);
    } catch (error) {
      return this.#forgive(call.name, error);
    }
  }

  async begin<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    args: AgentMethods[M]['arguments'],
    options: CallOptions = {},
  ): Promise<Begun<AgentMethods[M]['result']>> {
    const value = await this.#start(this.#callOf(agentId, method, options), args);
    return isAgentTask(value) ? { agentTaskId: value.agent_task_id } : { value };
  }

  async finish<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    agentTaskId: string,
    options: CallOptions = {},
  ): Promise<AgentMethods[M]['result']> {
    const call = this.#callOf(agentId, method, options);
    try {
      return await this.#finish(call, agentTaskId);
    } catch (error) {
      throw error instanceof AgentFailed && error.isTaskUnknown ? agentTaskLost(call.name, error) : error;
    }
  }

  cancel(agentId: AgentId, method: AgentMethod, agentTaskId: string): Promise<void> {
    return this.#cancel({ label: agentId, agentId, method }, agentTaskId);
  }

  #callOf(agentId: AgentId, method: AgentMethod, { label = agentId, timeoutMs, signal }: CallOptions): Call {
    const limitMs = timeoutMs ?? ruleOf(method).timeoutMs;
    return {
      name: { label, agentId, method },
      timeoutMs: limitMs,
      deadlineMs: this.#deps.clock.now() + limitMs,
      signal,
    };
  }

  async waitUntilReady(agentId: AgentId, options: WaitOptions = {}): Promise<void> {
    const { label = agentId, timeoutMs = readyWithinMs, signal, vmCid } = options;
    const { clock, heartbeats } = this.#deps;
    const name: CallName = { label, agentId, method: 'ping' };
    const deadlineMs = clock.now() + timeoutMs;
    let beats: () => void = () => {};
    const firstHeartbeat = new Promise<'beat'>((resolve) => (beats = () => resolve('beat')));
    const stopListening = heartbeats?.onNext(agentId, beats);
    // Once only: an agent that beats a thousand times a second must not be pinged as often.
    let awaited: Promise<'beat'> | undefined = heartbeats === undefined ? undefined : firstHeartbeat;
    try {
      let roundMs = pingFirstMs;
      for (let leftMs = timeoutMs; leftMs > 0; leftMs = deadlineMs - clock.now()) {
        const pong = this.#pingOnce(name, Math.min(roundMs, leftMs), signal);
        roundMs = Math.min(2 * roundMs, pingMsMax);
        const outcome = await (awaited === undefined ? pong : Promise.race([pong, awaited]));
        if (outcome === 'pong') return;
        if (outcome === 'beat') {
          awaited = undefined;
          pong.catch(() => {}); // the next ping tells
        }
      }
    } finally {
      stopListening?.();
    }
    throw new AgentUnreachable({ label, agentId, ...(vmCid === undefined ? {} : { vmCid }) }, timeoutMs);
  }

  /** An agent that restarts says so and then stays silent for a while: asked again after the round. */
  async #pingOnce(name: CallName, roundMs: number, signal: AbortSignal | undefined): Promise<'pong' | 'silent'> {
    try {
      const answer = await this.#rpc.request(name, [], { method: 'ping', timeoutMs: roundMs, signal });
      return answer === timedOut ? 'silent' : 'pong';
    } catch (error) {
      if (!(error instanceof AgentFailed && error.isRestarting)) throw error;
      await this.#deps.clock.sleep(roundMs, signal);
      return 'silent';
    }
  }

  /**
   * The first answer. Cancelled meanwhile: rejects at once, and when the agent's answer still comes, the action that
   * has begun is cancelled.
   */
  async #start(call: Call, args: unknown[]): Promise<unknown> {
    const { signal } = call;
    if (signal === undefined) return this.#ask(call, args);
    signal.throwIfAborted();
    const answer = this.#ask({ ...call, signal: undefined }, args);
    return new Promise((resolve, reject) => {
      const abort = () => {
        answer.then(
          (late) => (isAgentTask(late) ? this.#cancel(call.name, late.agent_task_id) : undefined),
          () => {}, // nothing has begun
        );
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Sends a message until it is answered, as often as its rule allows and no longer than the call may take. */
  async #ask(call: Call, args: unknown[], method = call.name.method): Promise<unknown> {
    const { clock } = this.#deps;
    const askedMs = clock.now();
    const { retriesMax, firstAnswerMs } = ruleOf(method);
    for (let attempt = 0; attempt <= retriesMax; attempt++) {
      const timeoutMs = Math.min(firstAnswerMs * 2 ** attempt, answerMsMax, call.deadlineMs - clock.now());
      if (timeoutMs <= 0) break;
      const value = await this.#rpc.request(call.name, args, { method, timeoutMs, signal: call.signal });
      if (value !== timedOut) return value;
    }
    const outOfTime = clock.now() >= call.deadlineMs;
    const begun = method !== call.name.method; // it has answered before, and only time ran out
    const waitedMs = outOfTime ? call.timeoutMs : clock.now() - askedMs;
    throw new AgentTimedOut(call.name, { waitedMs, silent: !(outOfTime && begun) });
  }

  /** Who gives up on an action tells the agent so. */
  async #finishOrCancel(call: Call, agentTaskId: string): Promise<unknown> {
    try {
      return await this.#finish(call, agentTaskId);
    } catch (error) {
      const givenUp = call.signal?.aborted === true || error instanceof AgentTimedOut;
      // A stop that takes its time goes on: BOSH takes it for done, and what comes next deletes the VM or starts anew.
      if (givenUp && call.name.method !== 'stop') await this.#cancel(call.name, agentTaskId);
      throw error;
    }
  }

  /** Asks after a long action until it is done. */
  async #finish(call: Call, agentTaskId: string): Promise<unknown> {
    const { clock } = this.#deps;
    for (let pauseMs = pollFirstMs; ; pauseMs = Math.min(2 * pauseMs, pollMsMax)) {
      await clock.sleep(Math.min(pauseMs, call.deadlineMs - clock.now()), call.signal);
      const value = await this.#ask(call, [agentTaskId], 'get_task');
      if (!isAgentTask(value)) return finishedValue(value);
    }
  }

  /** Most actions of BOSH's own agent cannot be cancelled and say so: that is no reason to fail otherwise than by the cause. */
  async #cancel(name: CallName, agentTaskId: string): Promise<void> {
    const { log } = this.#deps;
    const { agentId, method } = name;
    try {
      const answer = await this.#rpc.request(name, [agentTaskId], { method: 'cancel_task', timeoutMs: cancelWithinMs });
      log.info('agent-action-cancelled', { agentId, method, agentTaskId, answered: answer !== timedOut });
    } catch (error) {
      log.warn('agent-action-not-cancelled', { agentId, method, agentTaskId, error: messageOf(error) });
    }
  }

  /** What BOSH does not take for a failure; all else is thrown on. Each leaves a line in the log. */
  #forgive(name: CallName, error: unknown): unknown {
    const { agentId, method } = name;
    if (error instanceof AgentFailed && error.isUnknownMethod) {
      const { whenUnknown } = ruleOf(method);
      if (whenUnknown === undefined) throw unsupportedAction(name, error);
      this.#deps.log.warn('agent-is-old', { agentId, method });
      return whenUnknown;
    }
    const stopTakesTime =
      method === 'stop' &&
      ((error instanceof AgentTimedOut && !error.silent) ||
        (error instanceof AgentFailed && error.agentMessage.includes('Timed out waiting for service')));
    if (!stopTakesTime) throw error;
    this.#deps.log.warn('agent-stop-takes-time', { agentId, error: error.message });
    return 'stopped';
  }
}

/** A finished task's value comes bare; very old agents wrap it. */
function finishedValue(value: unknown): unknown {
  const wrapped = typeof value === 'object' && value !== null && 'state' in value && 'value' in value;
  return wrapped ? value.value : value;
}
