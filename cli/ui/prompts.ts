import { createInterface } from 'node:readline';
import { CliError } from '../failure.ts';
import type { UiStreams } from './ui.ts';

/** Answers that can't be understood are asked for again; a program that feeds us nonsense shall not do so for ever. */
const asksMax = 10;

/** Questions on the terminal, or to whatever stdin is. */
export class Prompts {
  readonly #interactive: boolean;
  readonly #streams: UiStreams;
  /** Lines that came in one piece with the answer before. */
  #pending: string[] = [];

  constructor(interactive: boolean, streams: UiStreams) {
    this.#interactive = interactive;
    this.#streams = streams;
  }

  async confirm(label: string): Promise<void> {
    for (let asked = 0; asked < asksMax; asked++) {
      this.#streams.out(`${label} [yN]: `);
      const answer = await this.#answer('Asking for confirmation');
      if (/^(y|yes)$/i.test(answer)) return;
      if (/^(n|no|)$/i.test(answer)) throw new CliError('Stopped');
      this.#streams.out('invalid input (not y, n, yes, or no)\n');
    }
    throw new CliError('Stopped');
  }

  async text(label: string): Promise<string> {
    this.#mustBeInteractive();
    for (let asked = 0; asked < asksMax; asked++) {
      this.#streams.out(`${label} (): `);
      const answer = await this.#answer('Asking for text');
      if (answer !== '') return answer;
    }
    throw new CliError('Stopped');
  }

  async password(label: string): Promise<string> {
    this.#mustBeInteractive();
    this.#streams.out(`${label}: `);
    const answer = await this.#answer('Asking for password', true);
    this.#streams.out('\n');
    return answer;
  }

  #mustBeInteractive(): void {
    if (!this.#interactive) throw new CliError('Cannot ask for input in non-interactive UI');
  }

  /** The next line. `hidden`: what is typed is not echoed, where stdin is a terminal. */
  async #answer(asking: string, hidden = false): Promise<string> {
    const before = this.#pending.shift();
    if (before !== undefined) return before.trim();
    const { input } = this.#streams;
    const terminal = 'isTTY' in input && input.isTTY === true;
    // readline echoes to its output; without one, and the terminal in its hands, nothing is echoed
    const reader = createInterface({ input, terminal: hidden && terminal });
    const line = await new Promise<string | undefined>((resolve) => {
      let first: string | undefined;
      reader.on('line', (text) => {
        if (first !== undefined) return void this.#pending.push(text);
        first = text;
        reader.close();
      });
      reader.on('SIGINT', () => reader.close());
      reader.on('close', () => setImmediate(() => resolve(first)));
    });
    if (line === undefined) throw new CliError(asking, new CliError('EOF'));
    return line.trim();
  }
}
