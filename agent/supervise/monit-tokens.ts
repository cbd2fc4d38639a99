/** A word of a monit file. A quoted one is never a keyword. */
export interface Token {
  text: string;
  quoted: boolean;
  line: number;
}

/** Words, quoted texts and comments; `=`, `,` and the braces of `set httpd` stand for themselves. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /(\n)|#[^\n]*|"([^"]*)"|'([^']*)'|([^\s"'#=,{}<>!]+|[=<>!]+|[,{}])/g;
  let line = 1;
  for (const [, newline, double, single, word] of text.matchAll(pattern)) {
    if (newline !== undefined) line++;
    const quotedText = double ?? single;
    if (quotedText !== undefined) {
      tokens.push({ text: quotedText, quoted: true, line });
      line += quotedText.split('\n').length - 1;
    } else if (word !== undefined) {
      tokens.push({ text: word, quoted: false, line });
    }
  }
  return tokens;
}

/** Walks over tokens. Keywords are matched without regard to case, and never inside quotes. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  get line(): number {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]?.line ?? 1;
  }

  /** The next word in lower case, when it is no quoted text; left where it is. */
  peek(): string | undefined {
    const token = this.#tokens[this.#at];
    return token === undefined || token.quoted ? undefined : token.text.toLowerCase();
  }

  take(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  /** Takes the next word if it is one of these. */
  accept(...words: string[]): string | undefined {
    const next = this.peek();
    if (next === undefined || !words.includes(next)) return undefined;
    this.#at++;
    return next;
  }

  /** Monit's noise: words that may stand anywhere and mean nothing. */
  skipNoise(): void {
    while (this.accept(...noise) !== undefined);
  }
}

const noise = ['=', ',', 'with', 'and', 'program', 'use', 'using', 'the', 'is', 'as'];
