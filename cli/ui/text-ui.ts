import pc from 'picocolors';
import { layOut } from './layout.ts';
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
  #last: Mode = 'none';

  constructor(options: UiOptions, streams: UiStreams) {
    this.#options = options;
    this.#streams = streams;
    this.#colors = pc.createColors(options.color);
    this.#prompts = new Prompts(options.interactive, streams);
  }

  errorLine(text: string): void {
    this.#pad('auto');
    this.#streams.err(`${this.#colors.red(text)}\n`);
  }

  line(text: string): void {
    if (!this.#options.terminal) return;
    this.#pad('auto');
    this.#streams.out(`${text}\n`);
  }

  begin(text: string): void {
    if (!this.#options.terminal) return;
    this.#pad('raw');
    this.#streams.out(text);
  }

  end(text: string): void {
    this.begin(`${text}\n`);
  }

  block(text: string | Uint8Array): void {
    this.#pad('raw');
    this.#streams.out(text);
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
    this.#streams.out(layOut(shown.table, { plain: !terminal, bold, good: green, bad: red }));
  }

  confirm(label = 'Continue?'): Promise<void> {
    if (!this.#options.interactive) return Promise.resolve();
    this.#pad('auto');
    return this.#prompts.confirm(label);
  }

  askText(label: string): Promise<string> {
    this.#pad('ask');
    return this.#prompts.text(label);
  }

  askPassword(label: string): Promise<string> {
    this.#pad('ask');
    return this.#prompts.password(label);
  }

  flush(): void {
    // everything is out already
  }

  #pad(next: Mode): void {
    const goesOn = next === this.#last && (next === 'raw' || next === 'ask');
    if (this.#last !== 'none' && !goesOn) this.#streams.out('\n');
    this.#last = next;
  }
}
