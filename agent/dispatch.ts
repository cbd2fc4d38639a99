import { messageOf, OperatorError } from '../common/errors.ts';
import type { Log } from '../common/log.ts';
import { exceptionOf } from './errors.ts';
import { isRecord } from './shape.ts';
import { longMethods, subjects, type AgentMethod, type Request, type Response } from './protocol.ts';
import { encodeResponse } from './response.ts';
import type { AgentTasks } from './tasks.ts';
import type { Subscription, Transport } from './transport.ts';

/** One request, taken out of its envelope. The arguments are what came off the wire: each method checks its own. */
export interface Call {
  method: AgentMethod;
  args: readonly unknown[];
  protocol: number;
  signal: AbortSignal;
}

export interface DispatchOptions {
  agentId: string;
  transport: Pick<Transport, 'publish' | 'subscribe'>;
  tasks: AgentTasks;
  log: Log;
  knows: (method: string) => method is AgentMethod;
  run: (call: Call) => unknown;
}

/**
 * Answers the director: every message on the agent's subject is one request, run and answered by itself.
 * A long method is answered at once with a task; its end is asked for by `get_task`.
 */
export function answerRequests(options: DispatchOptions): Subscription {
  const { agentId, transport } = options;
  return transport.subscribe(subjects.agent(agentId), (_, payload) => {
    const request = parseRequest(payload);
    if (request === undefined) {
      options.log.warn('request-unreadable', { agentId, bytes: payload.length });
      return;
    }
    const reply = (response: Response) => {
      if (request.reply_to === '') return;
      try {
        transport.publish(request.reply_to, encodeResponse(response));
      } catch (thrown) {
        // Whoever asked learns it by the silence: there is no other way to reach them.
        options.log.warn('reply-refused', {
          method: request.method,
          replyTo: request.reply_to,
          error: messageOf(thrown),
        });
      }
    };
    const fail = (thrown: unknown) => {
      logFailure(options.log, request.method, thrown);
      reply({ exception: exceptionOf(thrown) });
    };
    try {
      const value = dispatch(request, options);
      if (!(value instanceof Promise)) return reply({ value: value ?? null });
      value.then((settled: unknown) => reply({ value: settled ?? null }), fail);
    } catch (thrown) {
      fail(thrown);
    }
  });
}

function dispatch(request: Request, { tasks, knows, run, log }: DispatchOptions): unknown {
  const { method, protocol, arguments: args } = request;
  if (!knows(method)) throw new OperatorError(`unknown message ${method}`, { code: 'unknown-method' });
  if (method === 'get_task') return tasks.get(String(args[0]));
  if (method === 'cancel_task') return tasks.cancel(String(args[0]));
  if (!isLong(method, protocol)) return run({ method, args, protocol, signal: neverAborted });
  return tasks.start(async (signal) => {
    try {
      return await run({ method, args, protocol, signal });
    } catch (thrown) {
      logFailure(log, method, thrown);
      throw thrown;
    }
  });
}

/** `list_disk` became long with protocol 3. */
function isLong(method: AgentMethod, protocol: number): boolean {
  return longMethods.has(method) && (method !== 'list_disk' || protocol >= 3);
}

function logFailure(log: Log, method: string, thrown: unknown): void {
  const expected = thrown instanceof OperatorError;
  log[expected ? 'warn' : 'error']('action-failed', {
    method,
    error: messageOf(thrown),
    ...(expected ? { code: thrown.code } : { stack: thrown instanceof Error ? thrown.stack : undefined }),
  });
}

function parseRequest(payload: Buffer): Request | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || typeof parsed['method'] !== 'string') return undefined;
  const { method, protocol, arguments: args, reply_to: replyTo } = parsed;
  return {
    method,
    protocol: typeof protocol === 'number' ? protocol : 0,
    arguments: Array.isArray(args) ? args : [],
    reply_to: typeof replyTo === 'string' && plainSubject.test(replyTo) ? replyTo : '',
  };
}

/** No wildcards and no white space: those would break the bus's line protocol. */
const plainSubject = /^[^\s*>]+$/;
const neverAborted = new AbortController().signal;
