import { CliError } from '../failure.ts';
import { onlyColumns, sorted, type Table, textOf } from './table.ts';
import type { Ui, UiOptions, UiStreams } from './ui.ts';

interface JsonTable {
  Content: string;
  Header: Record<string, string>;
  Rows: Array<Record<string, string>>;
  Notes: readonly string[] | null;
}

/**
 * Everything that a command says, as one JSON document at its end: `{Tables, Blocks, Lines}`, as bosh writes it.
 * All values are text, maps have sorted keys.
 */
export class JsonUi implements Ui {
  readonly #options: UiOptions;
  readonly #streams: UiStreams;
  readonly #tables: JsonTable[] = [];
  readonly #blocks: string[] = [];
  readonly #lines: string[] = [];

  constructor(options: UiOptions, streams: UiStreams) {
    this.#options = options;
    this.#streams = streams;
  }

  errorLine(text: string): void {
    this.#lines.push(text);
  }
  line(text: string): void {
    this.#lines.push(text);
  }
  begin(text: string): void {
    this.#lines.push(text);
  }
  end(text: string): void {
    this.#lines.push(text);
  }
  block(text: string | Uint8Array): void {
    this.#blocks.push(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
  }
  errorBlock(text: string): void {
    this.#blocks.push(text);
  }

  table(table: Table): void {
    const shown = this.#options.columns.length === 0 ? { table } : onlyColumns(table, this.#options.columns);
    if ('missing' in shown && shown.missing !== undefined) this.errorBlock(`Failed to find header: ${shown.missing}`);
    this.#tables.push(jsonTable(shown.table));
  }

  confirm(): Promise<void> {
    if (!this.#options.interactive) return Promise.resolve();
    return Promise.reject(new CliError('Cannot ask for confirmation in JSON UI'));
  }
  askText(): Promise<string> {
    return Promise.reject(new CliError('Cannot ask for input in JSON UI'));
  }
  askChoice(): Promise<number> {
    return Promise.reject(new CliError('Cannot ask for a choice in JSON UI'));
  }
  askPassword(): Promise<string> {
    return Promise.reject(new CliError('Cannot ask for password in JSON UI'));
  }

  readonly live = false;
  status(): void {
    // a document is for programs
  }

  flush(): void {
    const orNull = <T>(list: readonly T[]) => (list.length === 0 ? null : list);
    if (this.#tables.length + this.#blocks.length + this.#lines.length === 0) return;
    const document = { Tables: orNull(this.#tables), Blocks: orNull(this.#blocks), Lines: orNull(this.#lines) };
    this.#streams.out(escapeForHtml(JSON.stringify(document, null, 4)));
  }
}

/** Go's encoder writes these escaped; whoever compares texts sees no difference then. */
function escapeForHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function jsonTable(table: Table): JsonTable {
  const keys = table.columns.map(({ key }, i) => (key === '_' ? String(i) : key));
  const record = (values: readonly string[]) => {
    const shown = keys.flatMap((key, i): Array<[string, string]> =>
      table.columns[i]?.hidden === true ? [] : [[key, values[i] ?? '']],
    );
    return Object.fromEntries(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return {
    Content: table.content ?? '',
    Header: record(table.columns.map(({ title }) => title)),
    Rows: sorted(table).map((row) => record(row.map(textOf))),
    Notes: table.notes ?? null,
  };
}
