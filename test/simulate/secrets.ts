import type { Log } from '../../common/log.ts';
import type { DirectorEvent } from '../../director/store/events.ts';
import type { OutputStream } from '../../director/store/tasks.ts';
import type { World } from '../support/given-director.ts';

const streams: readonly OutputStream[] = ['event', 'debug', 'cpi', 'result'];
const outputBytesMax = 10_000_000;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Invariant 8: what the manifest keeps from others, and private keys of agents, are in no text that people read. */
export async function secretViolations(world: World, secrets: readonly string[], log: string): Promise<string[]> {
  const { store } = world;
  const found: string[] = [];
  const look = (where: string, text: string) => {
    if (privateKey.test(text)) found.push(`invariant 8: a private key is in ${where}`);
    for (const secret of secrets) if (text.includes(secret)) found.push(`invariant 8: ${secret} is in ${where}`);
  };
  look("the director's log", log);
  for (const task of await store.tasks.list({ limit: 1000 })) {
    look(`the result of task ${task.id}`, task.result ?? '');
    for (const stream of streams) {
      const output = await store.tasks.output(task.id, stream, { from: 0, bytesMax: outputBytesMax });
      look(`the ${stream} output of task ${task.id}`, output?.bytes.toString() ?? '');
    }
  }
  look('the events', JSON.stringify(await allEvents(world)));
  return found;
}

/** They are listed in pages, newest first. */
async function allEvents({ store }: World): Promise<DirectorEvent[]> {
  const all: DirectorEvent[] = [];
  for (;;) {
    const before = all.at(-1)?.id;
    const page = await store.events.list(before === undefined ? {} : { beforeId: before });
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Keeps every line. */
export function keptLog(lines: string[], more: Record<string, unknown> = {}): Log {
  const line = (event: string, fields?: Record<string, unknown>) =>
    void lines.push(JSON.stringify({ event, ...more, ...fields }));
  return {
    debug: line,
    info: line,
    warn: line,
    error: line,
    with: (fields) => keptLog(lines, { ...more, ...fields }),
  };
}
