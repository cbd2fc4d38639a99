import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { taskId } from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import { LeaseLost } from '../../../../director/store/errors.ts';
import type { OutputStream } from '../../../../director/store/tasks.ts';
import { OutputWriter } from '../../../../director/tasks/output-writer.ts';

/** What was appended, and by which appends. */
function given(fails: () => Error | undefined = () => undefined) {
  const clock = new VirtualClock();
  const appends: Array<{ stream: OutputStream; text: string }> = [];
  const lost: LeaseLost[] = [];
  const writer = new OutputWriter({
    task: taskId(1),
    append: async (stream, bytes) => {
      await clock.sleep(3); // a database takes its time
      const error = fails();
      if (error !== undefined) throw error;
      appends.push({ stream, text: bytes.toString() });
    },
    clock,
    log: silentLog,
    onLost: (error) => lost.push(error),
  });
  const rest = async () =>
    (await clock.runUntil(writer.seal())).map(({ stream, bytes }) => ({ stream, text: bytes.toString() }));
  return { clock, writer, appends, lost, rest };
}

test('what is written in a moment is appended in one portion, 100 ms later, events last', async () => {
  const { clock, writer, appends } = given();
  writer.write('event', 'e1\n');
  writer.write('debug', 'd1\n');
  writer.write('event', 'e2\n');
  await clock.advance(99);
  expect(appends).toEqual([]);
  await clock.advance(10);
  expect(appends).toEqual([
    { stream: 'debug', text: 'd1\n' },
    { stream: 'event', text: 'e1\ne2\n' },
  ]);
});

test('16 KiB are appended at once', async () => {
  const { clock, writer, appends } = given();
  writer.write('result', 'x'.repeat(16 * 1024));
  await clock.advance(3);
  expect(appends).toHaveLength(1);
});

test('every text is appended once, in order and uncut, whatever the timing, and the rest is had by seal', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          stream: fc.constantFrom<OutputStream>('debug', 'event', 'result'),
          text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6000 }),
          waitMs: fc.nat(150),
        }),
        { maxLength: 20 },
      ),
      fc.array(fc.boolean(), { maxLength: 5 }),
      async (writes, failures) => {
        const fails = [...failures]; // the same values come again when a failure is made smaller
        const { clock, writer, appends, rest } = given(() => (fails.pop() === true ? new Error('away') : undefined));
        const wanted = { debug: '', event: '', result: '', cpi: '' };
        for (const { stream, text, waitMs } of writes) {
          writer.write(stream, text);
          wanted[stream] += text;
          await clock.advance(waitMs);
        }
        const got = { debug: '', event: '', result: '', cpi: '' };
        const left = await rest(); // what is under way arrives before it is had
        for (const { stream, text } of [...appends, ...left]) got[stream] += text;
        expect(got).toEqual(wanted);
      },
    ),
    { numRuns: 40 },
  );
});

test('while the database is away debug lines are left out past a limit, with a note; events fail the task instead', async () => {
  let away = true;
  const { clock, writer, appends } = given(() => (away ? new Error('away') : undefined));
  const mib = 'm'.repeat(1024 * 1024 - 1) + '\n';
  for (let i = 0; i < 6; i++) writer.write('debug', mib);
  writer.write('event', 'e\n');
  expect(() => {
    for (let i = 0; i < 65; i++) writer.write('event', mib);
  }).toThrow(expect.objectContaining({ code: 'task-output-overflow' }));
  await clock.advance(2000);
  away = false;
  await clock.advance(5000);
  const debug = appends
    .filter(({ stream }) => stream === 'debug')
    .map(({ text }) => text)
    .join('');
  expect(debug.length).toBeLessThan(5.1 * 1024 * 1024);
  expect(debug).toMatch(/\d+ bytes of output left out here\n$/);
});

test('whoever lost the lease hears of it by the first append, and appends no more', async () => {
  const { clock, writer, lost, appends } = given(() => new LeaseLost({ taskId: taskId(1), owner: 'a', fence: 1 }));
  writer.write('debug', 'line\n');
  await clock.advance(200);
  writer.write('debug', 'line\n');
  await clock.advance(5000);
  expect(lost).toHaveLength(1);
  expect(appends).toEqual([]);
});
