import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { LiveReporter } from '../../../../cli/ui/live-reporter.ts';
import { bar } from '../../../../cli/ui/live-region.ts';
import { TextUi } from '../../../../cli/ui/text-ui.ts';
import { givenStreams } from '../../../support/cli-ui.ts';

const noon = 1_795_521_600; // Tue Nov 24 12:00:00 UTC 2026

/** A terminal of 40 columns; `screen` is what somebody sees there. */
function given(columns = 40) {
  const streams = { ...givenStreams(), columns: () => columns };
  const ui = new TextUi({ json: false, terminal: true, color: false, interactive: true, columns: [] }, streams);
  const reporter = new LiveReporter({ ui, clock: new VirtualClock() });
  return { reporter, ui, text: streams.text, screen: () => screenOf(streams.text()) };
}

const escape = '\u001b';

/** Plays the few control sequences that are used. */
function screenOf(text: string): string[] {
  let [rows, row]: [string[], number] = [[''], 0];
  for (const [piece] of text.matchAll(new RegExp(`${escape}\\[\\d*[AJ]|\\r|\\n|[^${escape}\\r\\n]+`, 'g'))) {
    const up = new RegExp(`^${escape}\\[(\\d+)A$`).exec(piece);
    if (up !== null) row -= Number(up[1]);
    else if (piece === `${escape}[J`) rows = [...rows.slice(0, row), ''];
    else if (piece === '\n') rows[++row] ??= '';
    else if (piece !== '\r') rows[row] = (rows[row] ?? '') + piece;
  }
  return rows;
}

const progress = (at: number, task: string, state: string, data?: object) =>
  `${JSON.stringify({ time: noon + at, stage: 'Updating', tags: ['web'], total: 2, task, index: 1, state, progress: 0, data })}\n`;

test('what goes on moves at the bottom, with a count; what ended stays above, once', () => {
  const { reporter, screen } = given();
  reporter.started(7);
  expect(screen()).toEqual([expect.stringContaining('Task 7  00:00:00')]);
  reporter.output(7, progress(0, 'a', 'started') + progress(1, 'a', 'in_progress', { status: 'draining' }));
  expect(screen()).toEqual([expect.stringMatching(/Updating web {2}░+…?/), '    a  draining  00:00:01']);
  reporter.output(7, progress(2, 'a', 'finished') + progress(2, 'b', 'started'));
  expect(screen()).toEqual([
    'Task 7',
    '',
    'Task 7 | 12:00:00 | Updating web: a (00:00:02)',
    expect.stringMatching(/Updating web {2}██░░░ {2}1\/2 {2}00:00:01$/),
    '    b  00:00:00',
  ]);
  reporter.output(7, progress(9, 'b', 'failed', { error: 'no disk' }));
  reporter.finished(7, 'error');
  expect(screen()).toEqual([
    'Task 7',
    '',
    'Task 7 | 12:00:00 | Updating web: a (00:00:02)',
    'Task 7 | 12:00:02 | Updating web: b (00:00:07)',
    `${' '.repeat(18)}L Error: no disk`,
    '',
    'Task 7 Started  Tue Nov 24 12:00:00 UTC 2026',
    'Task 7 Finished Tue Nov 24 12:00:09 UTC 2026',
    'Task 7 Duration 00:00:09',
    'Task 7 error',
    '',
  ]);
});

test('a terminal that does not know its width is taken for one of 80 columns', () => {
  const { reporter, screen } = given(0);
  reporter.started(7);
  reporter.output(7, progress(0, 'a', 'started'));
  expect(screen()).toEqual([expect.stringMatching(/Updating web {2}░{20} {2}0\/2 {2}00:00:00$/), '    a  00:00:00']);
});

test('what has ended is never drawn again, not even between the lines of one piece of output', () => {
  const { reporter, text } = given();
  reporter.started(7);
  reporter.output(7, progress(0, 'a', 'started', { status: 'draining' }));
  const before = text().length;
  reporter.output(7, progress(1, 'a', 'finished') + progress(1, 'b', 'started') + progress(2, 'b', 'finished'));
  expect(text().slice(before)).not.toMatch(/draining|0\/2|1\/2/);
  reporter.finished(7, 'done');
});

test('between two things of a stage its bar stays; after the last, the task tells what came before', () => {
  const { reporter, screen } = given(60);
  reporter.started(7);
  reporter.output(7, progress(0, 'a', 'started') + progress(1, 'a', 'finished'));
  expect(screen().at(-1)).toMatch(/^\S Updating web {2}█+░+ {2}1\/2 {2}00:00:01$/);
  reporter.output(7, progress(1, 'b', 'started') + progress(2, 'b', 'finished'));
  expect(screen().at(-1)).toMatch(/^\S Task 7, after Updating web {2}00:00:01$/);
  reporter.finished(7, 'done');
});

test('who comes to a task that has run for long sees for how long, of the task and of each thing in it', () => {
  const { reporter, screen } = given(60);
  reporter.started(7);
  reporter.output(7, progress(0, 'a', 'started') + progress(50, 'a', 'finished') + progress(60, 'b', 'started'));
  reporter.output(7, progress(90, 'c', 'started'));
  expect(screen().slice(-3)).toEqual([
    expect.stringMatching(/Updating web .* 1\/2 {2}00:01:00$/),
    '    b  00:00:00',
    '    c  00:00:00',
  ]);
  reporter.finished(7, 'done');
});

test('no line is as wide as the terminal, and of very many things only some are shown', () => {
  const { reporter, screen } = given(20);
  reporter.started(1);
  for (let i = 0; i < 30; i++) reporter.output(1, progress(i, `web/${'x'.repeat(40)}${i}`, 'started'));
  expect(screen().every((row) => Array.from(row).length < 20)).toBe(true);
  expect(screen()).toHaveLength(9);
  expect(screen().at(-1)).toBe('    and 23 more');
  reporter.finished(1, 'cancelled');
});

describe('on a narrow terminal', () => {
  const id = '2fd0e5a4-9c8e-4f4e-8f6c-1f2c7d9b8a7f';
  const event = (task: string, status: string, stage = 'Updating instance') =>
    `${JSON.stringify({ time: noon, stage, tags: ['kubernetes-worker'], total: 5, task, index: 1, state: 'in_progress', progress: 0, data: { status } })}\n`;
  const shown = (columns: number, ...events: string[]) => {
    const { reporter, screen } = given(columns);
    reporter.started(7);
    for (const each of events) reporter.output(7, each);
    const rows = screen();
    reporter.finished(7, 'done');
    return rows;
  };
  const events = [
    event(`web/${id} (0) (canary)`, 'executing pre-start'),
    event(`kubernetes-worker/${id} (12)`, 'skipped pre-stop & drain'),
    event('ruby/4f3c2a1b0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b', 'compiling'),
  ];

  test('the bar goes first, then the end of a long id; what an instance is at stays', () => {
    expect(shown(100, ...events)).toEqual([
      '⠋ Updating instance kubernetes-worker  ░░░░░░░░░░░░░░░░░░░░  0/5  00:00:00',
      `    web/${id} (0) (canary)  executing pre-start  00:00:00`,
      `    kubernetes-worker/${id} (12)  skipped pre-stop & drain  00:00:00`,
      '    ruby/4f3c2a1b0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b  compiling  00:00:00',
    ]);
    expect(shown(60, ...events)).toEqual([
      '⠋ Updating instance kubernetes-worker  ░░░░░  0/5  00:00:00',
      '  web/0 (canary)  executing pre-start  00:00:00',
      '  kubernetes-worker/12  skipped pre-stop & drain  00:00:00',
      '    ruby/4f3c2a1b…  compiling  00:00:00',
    ]);
  });

  test('of 40 columns, too; a name too long keeps its end, which tells instances apart', () => {
    expect(shown(40, ...events)).toEqual([
      '⠋ 0/5  Updating instance kubernetes-wo…',
      '  web/0  executing pre-start  00:00:00',
      '  …-worker/12  skipped pre-stop & drain',
      '    ruby/4f3c2a1b…  compiling  00:00:00',
    ]);
  });
});

test('a bar is full only when all is done', () => {
  expect([bar(0, 3, 6), bar(2, 3, 6), bar(3, 3, 6), bar(0, 0, 6)]).toEqual(['░░░░░░', '████░░', '██████', '░░░░░░']);
});
