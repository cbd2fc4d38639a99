import { describe, expect, test } from 'vitest';
import { layOut } from '../../../../cli/ui/layout.ts';
import { columnsOf, keyOf, lines, number, onlyColumns, type Table, toned, version } from '../../../../cli/ui/table.ts';

const paint = { bold: (t: string) => `*${t}*`, good: (t: string) => `+${t}+`, bad: (t: string) => `!${t}!` };
const forPeople = (table: Table) => layOut(table, { plain: false, ...paint });
const forPipes = (table: Table) => layOut(table, { plain: true, bold: String, good: String, bad: String });

const releases: Table = {
  title: 'What there is',
  content: 'releases',
  columns: columnsOf('Name', 'Version', 'Hash'),
  rows: [
    ['b', version('1.9', '*'), ''],
    ['a', version('2'), 'f00'],
    ['b', version('1.10'), lines(['x', 'yy'])],
  ],
  sortBy: [{ column: 0 }, { column: 1, descending: true }],
  notes: ['(*) in use'],
};

describe('a table', () => {
  test('for people has a title, aligned columns, repeats as "~", notes and a count', () => {
    expect(forPeople(releases).split('\n')).toEqual([
      'What there is',
      '',
      '*Name*  *Version*  *Hash*  ',
      'a     2        f00  ',
      'b     1.10     x  ',
      '               yy  ',
      '~     1.9*     -  ',
      '',
      '(*) in use',
      '',
      '3 releases',
      '',
    ]);
  });

  test('for pipes is rows only, tabs between, every first column filled', () => {
    const rows = ['a\t2   \tf00\t', 'b\t1.10\tx\t', ' \t    \tyy\t', 'b\t1.9*\t-\t'];
    expect(forPipes(releases)).toBe(rows.map((row) => `${row}\n`).join(''));
  });

  test('of one thing stands upright, and tells values alone to pipes', () => {
    const thing: Table = { columns: columnsOf('Name', 'User'), rows: [['gantry', 'admin']], transposed: true };
    expect(forPeople(thing)).toBe('*Name*  gantry  \n*User*  admin  \n');
    expect(forPipes(thing)).toBe('gantry\t\nadmin\t\n');
  });

  test('paints good and bad news without moving the columns', () => {
    const table: Table = {
      columns: columnsOf('S', 'N'),
      rows: [
        [toned('ok', true), number(10)],
        [toned('error', false), number(9)],
      ],
    };
    expect(forPeople(table)).toBe('*S*      *N*  \n+ok+     10  \n!error!  9  \n');
  });

  test('sorts numbers by value', () => {
    const table: Table = { columns: columnsOf('N'), rows: [[number(10)], [number(9)]], sortBy: [{ column: 0 }] };
    expect(forPipes(table)).toBe('9\t\n10\t\n');
  });

  test('shows the columns that are asked for, by key or title, and tells which there is none of', () => {
    const { table, missing } = onlyColumns(releases, ['version', 'Name', 'foo bar']);
    expect(table.columns.map(({ hidden }) => hidden ?? false)).toEqual([false, false, true]);
    expect(missing).toBe('foo_bar');
  });

  test.each([
    ['Process State', 'process_state'],
    ['Release(s)', 'release_s'],
    ['Expiry Date (UTC)', 'expiry_date_utc'],
    ['', '_'],
  ])('the key of "%s" is %s', (title, key) => {
    expect(keyOf(title)).toBe(key);
  });
});
