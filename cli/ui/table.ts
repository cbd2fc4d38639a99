import { compareVersions } from '../../common/version.ts';
import { unixDate } from './format.ts';

/** A cell with more to it than its text: how it sorts, and whether it is good news. */
export interface RichCell {
  readonly text: string;
  readonly tone?: 'good' | 'bad';
  /** What it sorts by when that isn't its text. */
  readonly rank?: number | { readonly version: string };
}
export type Cell = string | RichCell;

export interface Column {
  readonly title: string;
  /** The name of the column in JSON and for `--column`. */
  readonly key: string;
  readonly hidden?: boolean;
}

export interface Table {
  readonly title?: string;
  /** What the rows are, for the count below: `deployments`. */
  readonly content?: string;
  readonly columns: readonly Column[];
  readonly rows: ReadonlyArray<readonly Cell[]>;
  /** By column index; the first decides first. */
  readonly sortBy?: ReadonlyArray<{ readonly column: number; readonly descending?: boolean }>;
  readonly notes?: readonly string[];
  /** One line for each column, as of a single thing. */
  readonly transposed?: boolean;
  /** How many things the rows are, when some rows belong to others. */
  readonly count?: number;
}

export function columnsOf(...titles: readonly string[]): Column[] {
  return titles.map((title) => ({ title, key: keyOf(title) }));
}

/** Letters and digits, the rest as single underscores. A title without any goes by the index of its column. */
export function keyOf(title: string): string {
  const words = title.toLowerCase().match(/[\p{L}\p{N}]+/gu);
  return words === null ? '_' : words.join('_');
}

export const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);
export const lines = (items: readonly string[]): Cell => items.join('\n');
export const number = (value: number): Cell => ({ text: String(value), rank: value });
export const time = (seconds: number | null): Cell =>
  seconds === null || seconds === 0 ? '' : { text: unixDate(seconds), rank: seconds };
export const version = (text: string, mark = ''): Cell => ({
  text: text === '' ? '' : text + mark,
  rank: { version: text },
});
export const toned = (text: string, good: boolean): Cell => ({ text, tone: good ? 'good' : 'bad' });

export function sorted({ rows, sortBy = [] }: Table): Array<readonly Cell[]> {
  return [...rows].sort((a, b) => {
    for (const { column, descending = false } of sortBy) {
      const order = compareCells(a[column] ?? '', b[column] ?? '');
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

function compareCells(a: Cell, b: Cell): number {
  const [rankA, rankB] = [rankOf(a), rankOf(b)];
  if (typeof rankA === 'object' && typeof rankB === 'object') return compareVersions(rankA.version, rankB.version);
  if (typeof rankA === 'number' && typeof rankB === 'number') return rankA - rankB;
  const [textA, textB] = [textOf(a), textOf(b)];
  return textA < textB ? -1 : textA > textB ? 1 : 0;
}

const rankOf = (cell: Cell) => (typeof cell === 'string' ? undefined : cell.rank);

/** Only these columns, by key or title. The name that there is no column for, when there is none. */
export function onlyColumns(table: Table, wanted: readonly string[]): { table: Table; missing?: string } {
  const is = (column: Column, name: string) => column.key === keyOf(name) || column.title === name;
  const missing = wanted.find((name) => !table.columns.some((column) => is(column, name)));
  const columns = table.columns.map((column) =>
    wanted.some((name) => is(column, name)) ? column : { ...column, hidden: true },
  );
  return { table: { ...table, columns }, ...(missing === undefined ? {} : { missing: keyOf(missing) }) };
}

/** `2026-11-24 07:00:00 UTC`, as the director writes it. */
export function moment(text: string): Cell {
  return time(Math.floor(Date.parse(text.replace(/ UTC$/, 'Z').replace(' ', 'T')) / 1000));
}
