import pc from 'picocolors';
import { layOut } from './layout.ts';
import { LiveRegion, type StatusLine } from './live-region.ts';
import { onlyColumns, type Table } from './table.ts';
import { Prompts } from './prompts.ts';
import type { Ui, UiOptions, UiStreams } from './ui.ts';

/** What was printed last: an empty line separates all but pieces that go on where the last one ended. */
type Mode = 'none' | 'raw' | 'auto' | 'ask';

export class TextUi implements Ui {
  readonly #options: UiOptions;
  readonly #streams: UiStreams;
  readonly #colors: ReturnType<typeof pc.createColors>;
  readonly #prompts: Prompts;
  readonly #region: LiveRegion | undefined;
  #last: Mode = 'none';

  constructor(options: UiOptions, streams: UiStreams) {
    this.#options = options;
    this.#streams = streams;
    this.#colors = pc.createColors(options.color);
    this.#prompts = new Prompts(options.interactive, streams);
    const { columns, out } = streams;
    this.#region =
      columns === undefined || !options.terminal
        ? undefined
        : new LiveRegion({ columns, out, faint: this.#colors.dim });
  }

  errorLine(text: string): void {
    this.#pad('auto');
    this.#region?.show([]);
    this.#streams.err(`${this.#colors.red(text)}\n`);
  }

  get live(): boolean {
    return this.#region !== undefined;
  }

  status(lines: readonly StatusLine[]): void {
    this.#region?.show(lines);
  }

  line(text: string): void {
    if (!this.#options.terminal) return;
    this.#pad('auto');
    this.#print(`${text}\n`);
  }

  begin(text: string): void {
    if (!this.#options.terminal) return;
    this.#pad('raw');
    this.#print(text);
  }

  end(text: string): void {
    this.begin(`${text}\n`);
  }

  block(text: string | Uint8Array): void {
    this.#pad('raw');
    this.#print(text);
  }

  errorBlock(text: string): void {
    this.block(this.#colors.red(text));
  }

  table(table: Table): void {
    const { bold, green, red } = this.#colors;
    const { columns, terminal } = this.#options;
    const shown = columns.length === 0 ? { table } : onlyColumns(table, columns);
    if ('missing' in shown && shown.missing !== undefined) this.errorBlock(`Failed to find header: ${shown.missing}`);
    this.#pad('auto');
    this.#print(layOut(shown.table, { plain: !terminal, bold, good: green, bad: red }));
  }

  confirm(label = 'Continue?'): Promise<void> {
    if (!this.#options.interactive) return Promise.resolve();
    this.#pad('auto');
    return this.#prompts.confirm(label);
  }

  askText(label: string, fallback?: string): Promise<string> {
    this.#pad('ask');
    return this.#prompts.text(label, fallback);
  }

  askChoice(label: string, options: readonly string[]): Promise<number> {
    this.#pad('auto');
    return this.#prompts.choice(label, options);
  }

  askPassword(label: string): Promise<string> {
    this.#pad('ask');
    return this.#prompts.password(label);
  }

  flush(): void {
    this.#region?.show([]); // everything else is out already
  }

  #print(bytes: string | Uint8Array): void {
    this.#region?.clear();
    this.#streams.out(bytes);
    const finished = typeof bytes === 'string' ? bytes.endsWith('\n') : bytes.at(-1) === 10;
    if (finished) this.#region?.draw();
  }

  #pad(next: Mode): void {
    const goesOn = next === this.#last && (next === 'raw' || next === 'ask');
    if (this.#last !== 'none' && !goesOn) this.#print('\n');
    this.#last = next;
  }
}
