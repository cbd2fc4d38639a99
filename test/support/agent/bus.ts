import { protocolVersion, subjects, type Response } from '../../../agent/protocol.ts';
import type { Subscription, Transport } from '../../../agent/transport.ts';

/** A bus in memory: delivers in order, on the next turn, and keeps what was sent to the health monitor. */
export class TestBus {
  readonly sent: Array<{ subject: string; message: unknown }> = [];
  readonly #receivers = new Map<string, Set<(subject: string, payload: Buffer) => void>>();
  #requests = 0;

  connect(): Transport {
    return {
      publish: (subject, payload) => {
        const bytes = Buffer.from(payload);
        if (subject.startsWith('hm.')) this.sent.push({ subject, message: JSON.parse(bytes.toString()) });
        for (const receive of this.#receivers.get(subject) ?? []) queueMicrotask(() => receive(subject, bytes));
      },
      subscribe: (subject, receive) => {
        const receivers = this.#receivers.get(subject) ?? new Set();
        this.#receivers.set(subject, receivers.add(receive));
        return { unsubscribe: () => receivers.delete(receive) };
      },
      close: async () => {},
    };
  }

  /** Sends one request, as the director does. Undefined: no answer came within the patience. */
  async ask(
    agentId: string,
    method: string,
    args: unknown[] = [],
    options: AskOptions = {},
  ): Promise<Response | undefined> {
    const connection = this.connect();
    const replyTo = subjects.reply('test', agentId, String(this.#requests++));
    const { patienceMs = 10_000 } = options;
    let subscription: Subscription | undefined;
    const answer = new Promise<Response>((resolve) => {
      subscription = connection.subscribe(replyTo, (_, payload) => resolve(JSON.parse(payload.toString()) as Response));
    });
    connection.publish(
      subjects.agent(agentId),
      Buffer.from(
        JSON.stringify({ protocol: options.protocol ?? protocolVersion, method, arguments: args, reply_to: replyTo }),
      ),
    );
    const silence = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), patienceMs).unref());
    const response = await Promise.race([answer, silence]);
    subscription?.unsubscribe();
    return response;
  }

  /** The value of a method, after its task has ended. @throws Error with the exception's message */
  async call(agentId: string, method: string, args: unknown[] = [], options: AskOptions = {}): Promise<unknown> {
    let value = valueOf(await this.ask(agentId, method, args, options), method);
    for (let asked = 0; asked < asksMax; asked++) {
      const id = runningTask(value);
      if (id === undefined) return value;
      await new Promise((resolve) => setTimeout(resolve, asked < 20 ? 1 : 25)); // real work has real time
      value = valueOf(await this.ask(agentId, 'get_task', [id], options), method);
    }
    throw new Error(`${method} does not end`);
  }

  messages(subject: string): unknown[] {
    return this.sent.filter((message) => message.subject === subject).map(({ message }) => message);
  }
}

export interface AskOptions {
  protocol?: number;
  /** Real time. */
  patienceMs?: number;
}

const asksMax = 1_000;

function valueOf(response: Response | undefined, method: string): unknown {
  if (response === undefined) throw new Error(`${method}: no answer`);
  if ('exception' in response) throw new Error(response.exception.message);
  return response.value;
}

function runningTask(value: unknown): string | undefined {
  const task = value as { agent_task_id?: string; state?: string } | null;
  return task?.state === 'running' ? task.agent_task_id : undefined;
}
