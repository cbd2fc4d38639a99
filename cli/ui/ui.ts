import type { StatusLine } from './live-region.ts';
import type { Table } from './table.ts';

/** How a command speaks to whoever started it: a person, a pipe or a program that reads JSON. */
export interface Ui {
  /** For stderr. */
  errorLine(text: string): void;
  /** For people only. */
  line(text: string): void;
  /** A part of a line, or several lines that belong together. For people only. */
  begin(text: string): void;
  /** Its end, with the newline. */
  end(text: string): void;
  /** What was asked for, as it is: for everybody. */
  block(text: string | Uint8Array): void;
  /** The same, of bad news. */
  errorBlock(text: string): void;
  table(table: Table): void;
  /** @throws CliError `Stopped` unless the answer is yes */
  confirm(label?: string): Promise<void>;
  /** @param fallback what an empty answer means; without, an answer is asked for until there is one */
  askText(label: string, fallback?: string): Promise<string>;
  /** @returns the index of what was chosen; an empty answer is the first */
  askChoice(label: string, options: readonly string[]): Promise<number>;
  /** `label` is all that is shown, but for a colon. */
  askPassword(label: string): Promise<string>;
  flush(): void;
  /** Whether `status` shows anything: somebody looks at a terminal that can be drawn on. */
  readonly live: boolean;
  /** What goes on right now, below all that was said; replaced by the next, taken away by none. */
  status(lines: readonly StatusLine[]): void;
}

export interface UiOptions {
  readonly json: boolean;
  /** People read it: lines, headers and notes. Without, only what was asked for. */
  readonly terminal: boolean;
  readonly color: boolean;
  readonly interactive: boolean;
  /** `--column`: show these only. */
  readonly columns: readonly string[];
}

/** Where a UI reads and writes; the process's own streams, or a test's. */
export interface UiStreams {
  readonly out: (bytes: string | Uint8Array) => void;
  readonly err: (text: string) => void;
  readonly input: NodeJS.ReadableStream;
  /** Width of the terminal that `out` goes to; absent where that is none, or a dumb one. */
  readonly columns?: () => number;
}
