import { subjects, type AgentMethod, type Request } from '../../../agent/protocol.ts';
import { id, type AgentId } from '../../../common/ids.ts';
import type { BusConnection } from '../../../director/bus/bus.ts';
import type { EmbeddedBus } from '../../../director/bus/embedded-bus.ts';

/** What a method does: gives a value, throws, or stays `silent`. */
export type Reaction = (...args: unknown[]) => unknown;
export const silent = Symbol('no answer');

/** An agent that does what the test says, and nothing that it does not: a method without a reaction is unknown. */
export class ScriptedAgent {
  readonly id: AgentId;
  readonly asked: Array<{ method: string; arguments: unknown[] }> = [];
  readonly #connection: BusConnection;
  readonly #reactions: Partial<Record<AgentMethod, Reaction>>;

  private constructor(agentId: AgentId, connection: BusConnection, reactions: Partial<Record<AgentMethod, Reaction>>) {
    this.id = agentId;
    this.#connection = connection;
    this.#reactions = reactions;
    connection.subscribe(subjects.agent(agentId), (_, payload) =>
      this.#answer(JSON.parse(payload.toString()) as Request),
    );
  }

  static async on(
    bus: EmbeddedBus,
    reactions: Partial<Record<AgentMethod, Reaction>>,
    agentId = id<AgentId>('agent-1'),
  ): Promise<ScriptedAgent> {
    await bus.permit(agentId, { bootstrap: false });
    return new ScriptedAgent(agentId, bus.attach(agentId), reactions);
  }

  /** The methods that it was asked, in order. */
  get methods(): string[] {
    return this.asked.map(({ method }) => method);
  }

  beat(heartbeat: unknown = { job_state: 'running' }): void {
    this.#connection.publish(subjects.heartbeat(this.id), JSON.stringify(heartbeat));
  }

  say(subject: string, payload: string): void {
    this.#connection.publish(subject, payload);
  }

  #answer({ method, arguments: args, reply_to: replyTo }: Request): void {
    this.asked.push({ method, arguments: args });
    const reaction = this.#reactions[method as AgentMethod]; // absent for what is no method
    let response: unknown;
    try {
      if (reaction === undefined) throw new Error(`unknown message ${method}`);
      const value = reaction(...args);
      if (value === silent) return;
      response = { value };
    } catch (error) {
      const { message, backtrace, blobstore_id } = error as Record<string, unknown>;
      response = { exception: { message, backtrace, blobstore_id } };
    }
    this.#connection.publish(replyTo, JSON.stringify(response));
  }
}

export const running = (agentTaskId: string) => ({ agent_task_id: agentTaskId, state: 'running' });
