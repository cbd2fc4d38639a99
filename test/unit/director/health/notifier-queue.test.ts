import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog, type Log } from '../../../../common/log.ts';
import { alertOf, type HealthEvent } from '../../../../director/health/events.ts';
import { NotifierQueue } from '../../../../director/health/notifiers/notifier-queue.ts';

function given({ batchMax = 10, queueMax = 100, gatherMs = 0 } = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (event) => lines.push(event),
    warn: (event) => lines.push(event),
    error: (event, fields) => lines.push(`${event}: ${String(fields?.['error'])}`),
    with: () => log,
  };
  const sent: string[][] = [];
  const behaviour: { send: (signal: AbortSignal) => Promise<void> } = { send: () => Promise.resolve() };
  const notifier = {
    name: 'test',
    wants: new Set(['alert'] as const),
    batchMax,
    gatherMs,
    send: async (events: readonly HealthEvent[], signal: AbortSignal) => {
      await behaviour.send(signal);
      sent.push(events.map(({ id }) => id));
    },
  };
  const queue = new NotifierQueue(notifier, { clock, log, limits: { queueMax } });
  const push = (...ids: string[]) =>
    ids.forEach((id) => queue.push(alertOf({ id, severity: 1, title: id, createdAt: 0 })));
  return { clock, queue, sent, lines, behaviour, push };
}

test('what comes at once is sent together, in order, in batches', async () => {
  const { clock, queue, sent, push } = given({ batchMax: 2 });
  push('a', 'b', 'c');
  await clock.advance(0);
  await clock.advance(0);
  expect(sent).toEqual([['a', 'b'], ['c']]);
  expect(queue.figures).toEqual({ name: 'test', queued: 0, sent: 3, dropped: 0, failed: 0 });
});

test('one that gathers sends all of its time as one', async () => {
  const { clock, sent, push } = given({ gatherMs: 10_000 });
  push('a');
  await clock.advance(5_000);
  push('b');
  expect(sent).toEqual([]);
  await clock.advance(5_001);
  expect(sent).toEqual([['a', 'b']]);
});

test('one that fails is tried three times, told of once, and what came meanwhile is sent when it works again', async () => {
  const { clock, queue, sent, lines, behaviour, push } = given({ batchMax: 1 });
  behaviour.send = () => Promise.reject(new Error('no such host'));
  push('a', 'b');
  await clock.advance(10_000);
  await clock.advance(10_000);
  expect(queue.figures).toMatchObject({ queued: 0, sent: 0, failed: 2 });
  behaviour.send = () => Promise.resolve();
  push('c');
  await clock.advance(0);
  expect(sent).toEqual([['c']]);
  expect(lines).toEqual(['notifier-fails: no such host', 'notifier-works-again']);
});

test('a failure that passes loses nothing', async () => {
  const { clock, queue, sent, behaviour, push } = given();
  let tries = 0;
  behaviour.send = () => (++tries < 3 ? Promise.reject(new Error('busy')) : Promise.resolve());
  push('a');
  await clock.advance(10_000);
  expect(sent).toEqual([['a']]);
  expect(queue.figures).toMatchObject({ sent: 1, failed: 0 });
});

test('one that hangs is given up on after half a minute, also when it hears no signal', async () => {
  const { clock, queue, lines, behaviour, push } = given();
  behaviour.send = () => new Promise(() => {});
  push('a');
  await clock.advance(200_000);
  expect(queue.figures).toMatchObject({ queued: 0, failed: 1 });
  expect(lines).toEqual(['notifier-fails: no answer within 30 s']);
});

test('a full queue drops what comes, says so once, and counts it', async () => {
  const { clock, queue, sent, lines, behaviour, push } = given({ queueMax: 3, batchMax: 10 });
  let release: () => void = () => {};
  behaviour.send = () => new Promise((resolve) => (release = resolve));
  push('a');
  await clock.advance(0);
  push('b', 'c', 'd', 'e', 'f');
  expect(queue.figures).toMatchObject({ queued: 3, dropped: 2 });
  behaviour.send = () => Promise.resolve();
  release();
  await clock.advance(0);
  await clock.advance(0);
  expect(sent).toEqual([['a'], ['b', 'c', 'd']]);
  expect(lines).toEqual(['notifier-queue-full']);
});

test('what waits when the director stops is sent, unless that takes longer than it may', async () => {
  const quick = given();
  quick.push('a');
  await quick.queue.close(1_000);
  expect(quick.sent).toEqual([['a']]);
  quick.push('late');
  expect(quick.queue.figures).toMatchObject({ queued: 0, sent: 1 });

  const slow = given({ batchMax: 1 });
  slow.behaviour.send = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  slow.push('a', 'b');
  const closing = slow.queue.close(1_000);
  await slow.clock.advance(1_000);
  await closing;
  expect(slow.queue.figures).toMatchObject({ queued: 0, sent: 0, failed: 1, dropped: 1 });
});
