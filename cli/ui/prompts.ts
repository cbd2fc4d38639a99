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

  async text(label: string, fallback = ''): Promise<string> {
    this.#mustBeInteractive();
    for (let asked = 0; asked < asksMax; asked++) {
      this.#streams.out(`${label} (${fallback}): `);
      const answer = (await this.#answer('Asking for text')) || fallback;
      if (answer !== '') return answer;
    }
    throw new CliError('Stopped');
  }

  async choice(label: string, options: readonly string[]): Promise<number> {
    if (!this.#interactive) throw new CliError('Cannot ask for a choice in non-interactive UI');
    options.forEach((option, i) => this.#streams.out(`${i + 1}: ${option}\n`));
    for (let asked = 0; asked < asksMax; asked++) {
      this.#streams.out(`${label} (1): `);
      const answer = await this.#answer('Asking for choice');
      const chosen = answer === '' ? 1 : Number(answer);
      if (Number.isInteger(chosen) && chosen >= 1 && chosen <= options.length) return chosen - 1;
      const why = Number.isInteger(chosen) ? `must be 1-${options.length}` : 'not a number';
      this.#streams.out(`invalid selection (${why})\n`);
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
