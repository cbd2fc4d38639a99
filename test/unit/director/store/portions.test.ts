import { expect, test } from 'vitest';
import { portions, valuePortions } from '../../../../director/store/sql/rows.ts';

/** Of one statement: SQLite takes ten times as many, but holds the event loop for that long, too. */
const parametersMax = 3_000;

test('the rows of five thousand instances go into statements of some milliseconds each, none twice', () => {
  const columns = ['id', 'deployment', 'group', 'index', 'az', 'state', 'bootstrap', 'ignored', 'compilation', 'spec'];
  const rows = Array.from({ length: 5_000 }, (_, n) => Object.fromEntries(columns.map((name) => [name, n])));
  const all = [...portions(rows)];
  expect(all.flat()).toEqual(rows);
  for (const portion of all) expect(portion.length * columns.length).toBeLessThanOrEqual(parametersMax);
  // Statements of one length are one text, which is compiled once.
  expect(new Set(all.slice(0, -1).map((portion) => portion.length)).size).toBe(1);
});

test('so do the values of a list', () => {
  const values = Array.from({ length: 5_000 }, (_, n) => n);
  const all = [...valuePortions(values)];
  expect(all.flat()).toEqual(values);
  for (const portion of all) expect(portion.length).toBeLessThanOrEqual(parametersMax);
});
