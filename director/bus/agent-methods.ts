import { longMethods, type AgentMethod } from '../../agent/protocol.ts';

/** How long to wait for one message's answer. As BOSH. */
export const answerMsMax = 45_000;

/** BOSH waits for ever; an action that takes longer than a day is one that nobody will finish. */
const longActionMsMax = 24 * 3_600_000;

/** How the client treats one method. Source: bosh agent_client.rb. */
export interface MethodRule {
  /** Of the whole call. */
  timeoutMs: number;
  /** How often it is sent again when no answer comes: only what may be repeated. */
  retriesMax: number;
  /** How long to wait for the first message's answer; for each further one twice as long, up to answerMsMax. */
  firstAnswerMs: number;
  /** What the call gives when the agent does not know the method, since it is an old one. Undefined: that is an error. */
  whenUnknown?: unknown;
}

const rules: Partial<Record<AgentMethod, Partial<MethodRule>>> = {
  // Lost while agents come back after a restart of the director, which is when it is asked first: asked again soon.
  // BOSH waits 45 s, three times over; that is as long in all.
  get_state: { retriesMax: 6, firstAnswerMs: 2_000, timeoutMs: 3 * answerMsMax },
  // Lost while the agent restarts, as update_settings makes it do. It is answered at once or not at all, so it is asked
  // again soon; BOSH waits 45 s, four times over, which is about as long in all.
  get_task: { retriesMax: 8, firstAnswerMs: 2_000 },
  upload_blob: { retriesMax: 3 },
  stop: { timeoutMs: 300_000 },
  info: { whenUnknown: { api_version: 0 } },
  run_script: { whenUnknown: {} },
  update_settings: { whenUnknown: 'ok' },
  add_persistent_disk: { whenUnknown: {} },
  remove_persistent_disk: { whenUnknown: {} },
};

export function ruleOf(method: AgentMethod): MethodRule {
  const timeoutMs = longMethods.has(method) ? longActionMsMax : answerMsMax;
  return { timeoutMs, retriesMax: 0, firstAnswerMs: answerMsMax, ...rules[method] };
}
