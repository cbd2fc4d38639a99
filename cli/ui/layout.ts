import { type Cell, sorted, type Table, textOf } from './table.ts';

export interface LayoutOptions {
  /** Rows only, separated by tabs, every first column filled: for cut, grep and awk. */
  readonly plain: boolean;
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

interface Line {
  readonly cells: readonly PlacedCell[];
  /** Between two transposed rows. */
  readonly blank?: boolean;
}
interface PlacedCell {
  readonly text: string;
  readonly paint: (text: string) => string;
}

const asIs = (text: string) => text;
const emptyCell = '-';

/** A table as text. Every column is as wide as its widest cell; cells of several lines take several. */
export function layOut(table: Table, options: LayoutOptions): string {
  const border = options.plain ? '\t' : '  ';
  const rows = withoutRepeats(table, options.plain);
  const lines = table.transposed ? transposedLines(table, rows, options) : upright(table, rows, options);
  const widths: number[] = [];
  for (const { cells } of lines)
    for (const [i, { text }] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, width(text));
  const body = lines.map(({ cells, blank }) => {
    if (blank) return '';
    const last = cells.length - 1;
    return cells
      .map(({ text, paint }, i) => {
        const padding = i === last ? '' : ' '.repeat((widths[i] ?? 0) - width(text));
        return paint(text) + padding + border;
      })
      .join('');
  });
  const text = body.map((line) => `${line}\n`).join('');
  return options.plain ? text : header(table) + text + footer(table);
}

/** In terminals most characters take one place; the bosh CLI counts bytes, and misaligns the others. */
const width = (text: string) => Array.from(text).length;

function upright(table: Table, rows: ReadonlyArray<readonly Cell[]>, options: LayoutOptions): Line[] {
  const visible = (row: readonly Cell[]) => row.filter((_, i) => table.columns[i]?.hidden !== true);
  const lines = rows.flatMap((row) => linesOf(visible(row).map((cell) => ({ cell, paint: painter(cell, options) }))));
  if (options.plain || table.columns.length === 0) return lines;
  const titles = visible(table.columns.map(({ title }) => title)).map((cell) => ({ cell, paint: options.bold }));
  return [...linesOf(titles), ...lines];
}

function transposedLines(table: Table, rows: ReadonlyArray<readonly Cell[]>, options: LayoutOptions): Line[] {
  return rows.flatMap((row, index) => {
    const lines = table.columns.flatMap(({ title, hidden }, i) => {
      if (hidden) return [];
      const cell = row[i] ?? '';
      const value = { cell, paint: painter(cell, options) };
      return linesOf(options.plain ? [value] : [{ cell: title, paint: options.bold }, value]);
    });
    return index < rows.length - 1 ? [...lines, { cells: [], blank: true }] : lines;
  });
}

function linesOf(cells: ReadonlyArray<{ cell: Cell; paint: (text: string) => string }>): Line[] {
  const columns = cells.map(({ cell, paint }) => {
    const text = textOf(cell).replaceAll('\r', '');
    return (text === '' ? [emptyCell] : text.split('\n')).map((line) => ({ text: line, paint }));
  });
  const height = Math.max(1, ...columns.map((column) => column.length));
  return Array.from({ length: height }, (_, i) => ({
    cells: columns.map((column) => column[i] ?? { text: '', paint: asIs }),
  }));
}

/** A first column that says the same again says "~", for people; programs get it in full. */
function withoutRepeats(table: Table, fill: boolean): Array<readonly Cell[]> {
  const rows = sorted(table);
  if (fill || table.transposed) return rows;
  let last: string | undefined;
  return rows.map((row) => {
    const text = textOf(row[0] ?? '');
    if (text === last) return ['~', ...row.slice(1)];
    last = text;
    return row;
  });
}

function painter(cell: Cell, options: LayoutOptions): (text: string) => string {
  if (typeof cell === 'string' || cell.tone === undefined) return asIs;
  return cell.tone === 'good' ? options.good : options.bad;
}

function header({ title }: Table): string {
  return title === undefined || title === '' ? '' : `${title}\n\n`;
}

function footer({ notes = [], columns, content = '', rows, count = rows.length }: Table): string {
  const noted = notes.length === 0 ? '' : `\n${notes.map((note) => `${note}\n`).join('')}`;
  return noted + (columns.length > 0 && content !== '' ? `\n${count} ${content}\n` : '');
}
