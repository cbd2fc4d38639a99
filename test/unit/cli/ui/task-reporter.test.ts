import { expect, test } from 'vitest';
import { JsonUi } from '../../../../cli/ui/json-ui.ts';
import { EventReporter, PlainTaskReporter, QuietReporter } from '../../../../cli/ui/task-reporter.ts';
import { TextUi } from '../../../../cli/ui/text-ui.ts';
import { givenStreams } from '../../../support/cli-ui.ts';

const noon = 1_795_521_600; // Tue Nov 24 12:00:00 UTC 2026

function given() {
  const streams = givenStreams();
  const ui = new TextUi({ json: false, terminal: true, color: false, interactive: true, columns: [] }, streams);
  return { streams, ui, reporter: new EventReporter(ui) };
}

const progress = (at: number, task: string, state: string, data?: object) =>
  `${JSON.stringify({ time: noon + at, stage: 'Updating', tags: ['web'], total: 2, task, index: 1, state, progress: 0, data })}\n`;

test('a task is told line by line, with times behind what ends at once and at the end of all', () => {
  const { streams, reporter } = given();
  reporter.started(7);
  reporter.output(7, progress(0, 'a', 'started') + progress(1, 'a', 'in_progress', { status: 'draining' }));
  reporter.output(7, progress(2, 'a', 'finished') + progress(2, 'b', 'started') + progress(3, 'c', 'started'));
  reporter.output(7, progress(65, 'b', 'failed', { error: 'no disk' }));
  reporter.output(7, `${JSON.stringify({ time: noon + 65, error: { code: 1, message: 'gave up' } })}\n`);
  reporter.finished(7, 'error');
  expect(streams.text()).toBe(
    [
      'Task 7',
      '',
      'Task 7 | 12:00:00 | Updating web: a',
      'Task 7 | 12:00:01 | L draining: a (00:00:02)',
      'Task 7 | 12:00:02 | Updating web: b',
      'Task 7 | 12:00:03 | Updating web: c',
      'Task 7 | 12:01:05 | Updating web: b (00:01:03)',
      `${' '.repeat(18)}L Error: no disk`,
      'Task 7 | 12:01:05 | Error: gave up',
      '',
      'Task 7 Started  Tue Nov 24 12:00:00 UTC 2026',
      'Task 7 Finished Tue Nov 24 12:01:05 UTC 2026',
      'Task 7 Duration 00:01:05',
      'Task 7 error',
      '',
    ].join('\n'),
  );
});

test('a line that comes in two pieces is one event', () => {
  const { streams, reporter } = given();
  const line = progress(0, 'a', 'started');
  reporter.started(1);
  reporter.output(1, line.slice(0, 20));
  reporter.output(1, line.slice(20));
  expect(streams.text()).toBe('Task 1\n\nTask 1 | 12:00:00 | Updating web: a');
});

test('a task that says nothing ends on its line', () => {
  const { streams, reporter } = given();
  reporter.started(1);
  reporter.finished(1, 'done');
  expect(streams.text()).toBe('Task 1. Done\n');
});

test('raw output is shown as it is', () => {
  const { streams, ui } = given();
  const reporter = new PlainTaskReporter(ui);
  reporter.started(3);
  reporter.output(3, 'D, debug\n');
  reporter.finished(3, 'done');
  expect(streams.text()).toBe('Task 3\n\nD, debug\n\nTask 3 done\n');
});

test('raw output begins with two empty lines, as those know it who read JSON', () => {
  const streams = givenStreams();
  const ui = new JsonUi({ json: true, terminal: false, color: false, interactive: true, columns: [] }, streams);
  const plain = new PlainTaskReporter(ui);
  plain.started(7);
  plain.output(7, 'x');
  ui.flush();
  expect(JSON.parse(streams.text())).toEqual({ Tables: null, Blocks: ['x'], Lines: ['Task 7', '\n', '\n'] });
});

test('a quiet task that went well says what it warned of, and nothing else; one that failed says all', () => {
  const { streams, ui, reporter } = given();
  const quiet = new QuietReporter(reporter, ui);
  const warning = `${JSON.stringify({ time: noon, type: 'warning', message: 'half of it' })}\n`;
  const output = warning + progress(0, 'a', 'started') + progress(2, 'a', 'finished');
  quiet.started();
  quiet.output(1, output.slice(0, 20));
  quiet.output(1, output.slice(20));
  quiet.finished(1, 'done');
  expect([streams.text(), streams.errors()]).toEqual(['', 'Warning: half of it\n']);

  quiet.started();
  quiet.output(2, output);
  quiet.finished(2, 'error');
  expect(streams.text()).toContain('Task 2 | 12:00:00 | Updating web: a (00:00:02)');
});
