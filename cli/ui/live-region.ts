/** One line of what is going on; `faint`: a detail of the line above. */
export interface StatusLine {
  readonly text: string;
  /** What to show where `text` is too wide: the first of these that fits, or the last one, cut. */
  readonly shorter?: readonly string[];
  readonly faint?: boolean;
}

export interface LiveRegionOptions {
  readonly out: (text: string) => void;
  /** Width of the terminal now: people resize them. 0: it knows none. */
  readonly columns: () => number;
  readonly faint: (text: string) => string;
}

/** Of a terminal that does not know its width, such as one that a program has made and not sized. */
const columnsUnknown = 80;

/**
 * The last lines of a terminal, drawn again and again below what is printed for good.
 *
 * INVARIANTS
 * - While it is drawn, the cursor stands at the end of its last line, and no line of it is wider than the terminal:
 *   else a line would take two rows, and erasing would leave one behind.
 * - Whoever prints clears it first, and draws it again only once a line was finished.
 */
export class LiveRegion {
  readonly #options: LiveRegionOptions;
  #lines: readonly StatusLine[] = [];
  #drawn = 0;

  constructor(options: LiveRegionOptions) {
    this.#options = options;
  }

  /** In one write, so that nothing flickers. Empty: nothing goes on any more. */
  show(lines: readonly StatusLine[]): void {
    this.#lines = lines;
    this.#options.out(this.#erasure() + this.#drawing());
  }

  clear(): void {
    if (this.#drawn > 0) this.#options.out(this.#erasure());
  }

  draw(): void {
    if (this.#drawn === 0 && this.#lines.length > 0) this.#options.out(this.#drawing());
  }

  #erasure(): string {
    if (this.#drawn === 0) return '';
    const up = this.#drawn > 1 ? `\u001b[${this.#drawn - 1}A` : '';
    this.#drawn = 0;
    return `\r${up}\u001b[J`;
  }

  #drawing(): string {
    const { columns, faint } = this.#options;
    this.#drawn = this.#lines.length;
    // a cursor behind the last column wraps on some terminals
    const width = Math.max(1, (columns() || columnsUnknown) - 1);
    return this.#lines.map((line) => (line.faint ? faint(fit(line, width)) : fit(line, width))).join('\n');
  }
}

function fit({ text, shorter = [] }: StatusLine, width: number): string {
  const texts = [text, ...shorter];
  const fitting = texts.find((each) => Array.from(each).length <= width);
  return (
    fitting ??
    `${Array.from(texts.at(-1) ?? '')
      .slice(0, width - 1)
      .join('')}…`
  );
}

const spinner = Array.from('⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏');
/** How often what moves is drawn again. */
export const frameMs = 100;

export function spinnerAt(nowMs: number): string {
  return spinner[Math.floor(nowMs / frameMs) % spinner.length] ?? '';
}

/** `█████░░░░░`, of a fixed width whatever is done. */
export function bar(done: number, total: number, width = 20): string {
  const filled = total <= 0 ? 0 : Math.min(width, Math.floor((done / total) * width));
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
