import type { AgentMethod, AgentMethods } from '../../agent/protocol.ts';
import type { AgentId } from '../../common/ids.ts';

/**
 * What the director asks of agents. Implemented by agent-client.ts over the bus; tests of other parts may implement it
 * in ten lines.
 */
export interface Agents {
  /**
   * Calls a method and waits for its result; a long action is asked after until it is done. Only methods that may be
   * repeated (get_task, get_state, upload_blob) are sent again when no answer comes.
   *
   * As in BOSH, `stop` that takes longer than 300 s counts as stopped (with a line in the log), and agents that do not
   * know info, run_script, update_settings or {add,remove}_persistent_disk are taken for old ones, not for failing ones.
   *
   * @throws OperatorError `agent-timed-out` (retryable) | `agent-exception` | `agent-unsupported-action` |
   *   `agent-message-too-large` | `agent-answer-malformed`; the signal's reason when aborted, after cancel_task was sent
   */
  call<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    args: AgentMethods[M]['arguments'],
    options?: CallOptions,
  ): Promise<AgentMethods[M]['result']>;

  /** The agent's task of a long action that has begun; `finish` asks after it, then or in another life of the director. */
  begin<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    args: AgentMethods[M]['arguments'],
    options?: CallOptions,
  ): Promise<Begun<AgentMethods[M]['result']>>;

  /**
   * Waits until an action that has begun is done. It goes on when the signal aborts, unlike that of `call`.
   * @throws OperatorError as `call`, and `agent-task-lost` when the agent was started anew meanwhile and knows nothing of it
   */
  finish<M extends AgentMethod>(
    agentId: AgentId,
    method: M,
    agentTaskId: string,
    options?: CallOptions,
  ): Promise<AgentMethods[M]['result']>;

  /** Asks the agent to end an action; what it makes of that tells `finish`. Never fails. */
  cancel(agentId: AgentId, method: AgentMethod, agentTaskId: string): Promise<void>;

  /**
   * Returns as soon as the agent answers a ping: asked at once, after 100 ms, less and less often up to each second, and
   * when its first heartbeat comes.
   * @throws OperatorError `agent-unreachable` (retryable)
   */
  waitUntilReady(agentId: AgentId, options?: WaitOptions): Promise<void>;
}

/** Old agents may be done at once. */
export type Begun<T> = { agentTaskId: string } | { value: T };

export interface CallOptions {
  /** Names the instance in messages: `web/3f2…`. Default: the agent id. */
  label?: string;
  /** Limit of the whole call. Default: 45 s for a message, 300 s for stop, 24 h for other long actions. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The action has begun and will take a while: told once. */
  onRunning?: (agentTaskId: string) => void;
}

export interface WaitOptions {
  label?: string;
  /** Told in the message when the agent stays silent. */
  vmCid?: string;
  /** Default: 600 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}
