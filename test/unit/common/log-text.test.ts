import { expect, test } from 'vitest';
import { logText } from '../../../common/log-text.ts';

const line = (level: number, event: string, fields: object) =>
  logText(JSON.stringify({ level, time: 0, event, ...fields }));

test('a line for people has the time, the event and its fields; what needs a look is marked', () => {
  expect(line(30, 'task-ended', { task: 7, state: 'done' })).toMatch(
    /^\d\d:\d\d:\d\d task-ended {2}task=7 state=done\n$/,
  );
  expect(line(30, 'idle', {})).toMatch(/ idle\n$/);
  expect(line(40, 'x', {})).toContain(' WARN x');
  expect(line(50, 'x', {})).toContain(' ERROR x');
});

test('values with spaces are quoted, lists are as JSON has them, and stacks are indented', () => {
  expect(line(30, 'x', { a: 'b c', list: ['d'], stack: 'Error\nat y' })).toMatch(
    /a="b c" list=\["d"\] stack=Error\n {4}at y\n$/,
  );
});

test('what a terminal would take for a command is not passed on', () => {
  expect(line(30, 'x', { error: '\x1b[2J', stack: 'a\n\x1b[31mb' })).toMatch(
    / error="\\u001b\[2J" stack=a\n {4}\[31mb\n$/,
  );
});
