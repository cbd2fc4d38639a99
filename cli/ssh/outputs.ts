import type { Ui } from '../ui/ui.ts';
import { columnsOf, number } from '../ui/table.ts';

/** What comes of a command on one instance. */
export interface InstanceOutput {
  stdout(text: string): void;
  stderr(text: string): void;
  /** @param failure why it did not end with 0 */
  end(exitCode: number, failure?: string): void;
}

export interface Outputs {
  of(label: string): InstanceOutput;
  flush(): void;
}

/** Lines as they come, each with where it is from; texts that go on where others came in between begin anew. */
export class PrefixedOutputs implements Outputs {
  readonly #ui: Ui;
  #atLineStart = true;

  constructor(ui: Ui) {
    this.#ui = ui;
  }

  of(label: string): InstanceOutput {
    return {
      stdout: (text) => this.#write(`${label}: stdout | `, text),
      stderr: (text) => this.#write(`${label}: stderr | `, text),
      end: () => {},
    };
  }

  flush(): void {}

  #write(prefix: string, text: string): void {
    const lines = text.split('\n');
    for (const [i, line] of lines.entries()) {
      const isLast = i === lines.length - 1;
      if (isLast && line === '') continue;
      if (this.#atLineStart) this.#ui.block(prefix);
      this.#ui.block(line);
      if (!isLast) this.#ui.block('\n');
      this.#atLineStart = !isLast;
    }
  }
}

/** Of each instance, as long as one may be. */
const keptCharactersMax = 16 * 1024 * 1024;

/** Everything in a table, at the end. */
export class CollectedOutputs implements Outputs {
  readonly #ui: Ui;
  readonly #rows: Array<{ label: string; stdout: string; stderr: string; exitCode: number; failure: string }> = [];

  constructor(ui: Ui) {
    this.#ui = ui;
  }

  of(label: string): InstanceOutput {
    const row = { label, stdout: '', stderr: '', exitCode: 0, failure: '' };
    this.#rows.push(row);
    const add = (to: 'stdout' | 'stderr', text: string) => {
      if (row[to].length + text.length <= keptCharactersMax) row[to] += text;
    };
    return {
      stdout: (text) => add('stdout', text),
      stderr: (text) => add('stderr', text),
      end: (exitCode, failure = '') => void Object.assign(row, { exitCode, failure }),
    };
  }

  flush(): void {
    this.#ui.table({
      content: 'results',
      columns: columnsOf('Instance', 'Stdout', 'Stderr', 'Exit Code', 'Error'),
      rows: this.#rows.map(({ label, stdout, stderr, exitCode, failure }) => [
        label,
        stdout,
        stderr,
        number(exitCode),
        failure,
      ]),
      sortBy: [{ column: 0 }],
      transposed: true,
    });
  }
}
