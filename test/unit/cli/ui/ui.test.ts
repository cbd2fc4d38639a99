import { describe, expect, test } from 'vitest';
import { JsonUi } from '../../../../cli/ui/json-ui.ts';
import { columnsOf } from '../../../../cli/ui/table.ts';
import { TextUi } from '../../../../cli/ui/text-ui.ts';
import type { UiOptions } from '../../../../cli/ui/ui.ts';
import { givenStreams } from '../../../support/cli-ui.ts';

const person: UiOptions = { json: false, terminal: true, color: false, interactive: true, columns: [] };
const pipe: UiOptions = { ...person, terminal: false };
const table = { content: 'things', columns: columnsOf('Name'), rows: [['a']], notes: ['look'] };

describe('text', () => {
  test('a person gets everything, with an empty line between what does not go on', () => {
    const streams = givenStreams();
    const ui = new TextUi(person, streams);
    ui.line('Using environment');
    ui.begin('Task 1');
    ui.block('\nTask 1 | working');
    ui.begin('\nTask 1 done\n');
    ui.line('Succeeded');
    expect(streams.text()).toBe('Using environment\n\nTask 1\nTask 1 | working\nTask 1 done\n\nSucceeded\n');
  });

  test('a pipe gets tables and blocks only', () => {
    const streams = givenStreams();
    const ui = new TextUi(pipe, streams);
    ui.line('Using environment');
    ui.begin('Task 1');
    ui.table(table);
    ui.table(table);
    ui.line('Succeeded');
    expect(streams.text()).toBe('a\t\n\na\t\n');
  });

  test('errors go to stderr', () => {
    const streams = givenStreams();
    const ui = new TextUi(pipe, streams);
    ui.errorLine('bad');
    expect([streams.text(), streams.errors()]).toEqual(['', 'bad\n']);
  });

  test.each([
    ['y\n', true],
    ['what\nYES\n', true],
    ['n\n', false],
    ['\n', false],
    ['', false],
  ])('a confirmation answered by %j goes on: %s', async (typed, goesOn) => {
    const asked = new TextUi(person, givenStreams(typed)).confirm().then(
      () => true,
      () => false,
    );
    expect(await asked).toBe(goesOn);
  });

  test('without interaction confirmations are given, and questions are errors', async () => {
    const streams = givenStreams();
    const ui = new TextUi({ ...person, interactive: false }, streams);
    await ui.confirm();
    await expect(ui.askText('Username')).rejects.toThrow('Cannot ask for input in non-interactive UI');
    expect(streams.text()).toBe('');
  });
});

describe('JSON', () => {
  test('is one document at the end, with null for what there is none of', () => {
    const streams = givenStreams();
    const ui = new JsonUi({ ...person, json: true }, streams);
    ui.table(table);
    ui.line('a <b>');
    expect(streams.text()).toBe('');
    ui.flush();
    expect(JSON.parse(streams.text())).toEqual({
      Tables: [{ Content: 'things', Header: { name: 'Name' }, Rows: [{ name: 'a' }], Notes: ['look'] }],
      Blocks: null,
      Lines: ['a <b>'],
    });
    expect(streams.text()).toContain('\\u003cb\\u003e');
  });

  test('a confirmation needs -n', async () => {
    const ui = new JsonUi({ ...person, json: true }, givenStreams());
    await expect(ui.confirm()).rejects.toThrow('Cannot ask for confirmation in JSON UI');
  });
});
