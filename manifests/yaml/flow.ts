/** Something that is opened and not closed. */
export interface Unclosed {
  readonly opener: '[' | '{' | '"' | "'";
  readonly offset: number;
}

export interface FlowScan {
  /** A quote that the parser failed in; or the innermost that the end of the text, or the wrong bracket, finds open. */
  readonly unclosed: Unclosed | undefined;
  /**
   * The text with the line breaks and comments in brackets as spaces, offsets as they were. In brackets indentation
   * means nothing to libyaml (a `]` may stand below its key), but it does to our parser.
   */
  readonly joined: string;
}

/**
 * Follows brackets and quotes through a text that our parser refused, with as much of YAML's grammar as it takes to
 * tell those that open something from those in comments, blocks and plain words.
 * @param failedAt where the parser gave up
 */
export function scanFlow(text: string, failedAt: number): FlowScan {
  return new Scan(text, failedAt).result();
}

export const closers = { '[': ']', '{': '}' } as const;

class Scan {
  readonly #text: string;
  readonly #failedAt: number;
  #at = 0;
  readonly #open: Array<{ opener: '[' | '{'; offset: number }> = [];
  readonly #blanks: Array<readonly [number, number]> = [];
  /** Breaks and comments behind a word: what comes next says whether the word goes on there. */
  #behindWord: Array<readonly [number, number]> | undefined;
  /** Whether a node may begin here. */
  #nodeBegins = true;
  /** Column of the key or dash that the text is below. */
  #indent = -1;
  #lineStart = 0;
  /** Nothing but dashes came before on this line. */
  #lineBegins = true;
  #wrong: Unclosed | undefined;

  constructor(text: string, failedAt: number) {
    this.#text = text;
    this.#failedAt = failedAt;
  }

  result(): FlowScan {
    while (this.#at < this.#text.length && this.#wrong === undefined) this.#step(this.#text.charAt(this.#at));
    return { unclosed: this.#wrong ?? this.#open.at(-1), joined: this.#joined() };
  }

  #step(c: string): void {
    if (c === '\n' || c === '\r') return this.#break();
    if (c === ' ' || c === '\t') return void this.#at++;
    if (c === '#' && this.#blankAt(this.#at - 1)) return this.#skip(this.#lineEnd());
    if (this.#open.length > 0) return this.#inFlow(c);
    this.#inBlock(c);
  }

  #inFlow(c: string): void {
    if (this.#behindWord !== undefined) {
      // one by one: a call takes only so many arguments
      if (/[,\]}:]/.test(c)) for (const blank of this.#behindWord) this.#blanks.push(blank);
      this.#behindWord = undefined;
    }
    if (c === ']' || c === '}') return this.#close(c);
    if (c === ',') return this.#past(1, true);
    if (c === ':' && (!this.#nodeBegins || this.#blankAt(this.#at + 1))) return this.#past(1, true);
    if (this.#node(c)) return;
    this.#word(/[,[\]{}]|:(?=[\s,[\]{}]|$)| #|[\r\n]/g);
    this.#behindWord = [];
  }

  #inBlock(c: string): void {
    if (this.#lineBegins) {
      const column = this.#at - this.#lineStart;
      if (column === 0 && /^---(?=\s|$)/.test(this.#text.slice(this.#at, this.#at + 4))) {
        this.#indent = -1;
        return this.#past(3, true);
      }
      this.#indent = column;
      if (/[-?]/.test(c) && this.#blankAt(this.#at + 1)) return this.#past(1, true);
      this.#lineBegins = false;
    }
    if (c === ':' && this.#blankAt(this.#at + 1)) return this.#past(1, true);
    if (this.#nodeBegins && (c === '|' || c === '>')) return this.#block();
    if (this.#node(c)) return;
    this.#word(/:(?=\s|$)| #|[\r\n]/g);
  }

  /** A bracket, a quote or what stands before a node; false: a word. */
  #node(c: string): boolean {
    if (!this.#nodeBegins && this.#open.length === 0) return false;
    if (c === '[' || c === '{') {
      this.#open.push({ opener: c, offset: this.#at });
      this.#past(1, true);
      return true;
    }
    if (!this.#nodeBegins) return false;
    if (c === '"' || c === "'") {
      this.#quote(c);
      return true;
    }
    if (!/[&!*]/.test(c)) return false;
    const end = this.#text.slice(this.#at).search(this.#open.length > 0 ? /[\s,[\]{}]/ : /\s/);
    this.#past(end === -1 ? this.#text.length : end, c !== '*');
    return true;
  }

  #close(c: ']' | '}'): void {
    const last = this.#open.at(-1);
    if (last !== undefined && closers[last.opener] !== c) return void (this.#wrong = last);
    this.#open.pop();
    this.#past(1, false);
  }

  #quote(quote: '"' | "'"): void {
    const from = this.#at;
    const end = quote === '"' ? /\\[^]|"/g : /''|'/g;
    end.lastIndex = from + 1;
    for (let match = end.exec(this.#text); match !== null; match = end.exec(this.#text)) {
      if (match[0] !== quote) continue;
      // the parser, which asks for indentation, gave up in it or right behind: what closes it was to open another one
      const astray = this.#text.slice(from, end.lastIndex).includes('\n') && this.#failedAt <= end.lastIndex;
      if (!astray || this.#failedAt < from) return this.#past(end.lastIndex - from, false);
      break;
    }
    this.#wrong = { opener: quote, offset: from };
  }

  #word(end: RegExp): void {
    end.lastIndex = this.#at + 1;
    this.#past((end.exec(this.#text)?.index ?? this.#text.length) - this.#at, false);
  }

  /** A block text: the lines below that are indented, or empty. */
  #block(): void {
    const next = /[\r\n](?:\s*[\r\n])?( *)/y;
    for (;;) {
      this.#at = next.lastIndex = this.#lineEnd();
      const [, indentation = ''] = next.exec(this.#text) ?? [];
      if (next.lastIndex === 0 || indentation.length <= this.#indent) return;
      this.#at = next.lastIndex;
    }
  }

  #break(): void {
    if (this.#open.length === 0) {
      this.#nodeBegins = true;
      this.#lineBegins = true;
      this.#lineStart = ++this.#at;
      return;
    }
    this.#skip(this.#at + 1);
  }

  /** Breaks and comments; those in brackets become spaces. */
  #skip(to: number): void {
    if (this.#open.length > 0) (this.#behindWord ?? this.#blanks).push([this.#at, to]);
    this.#at = to;
  }

  #past(length: number, nodeBegins: boolean): void {
    this.#at += length;
    this.#nodeBegins = nodeBegins;
  }

  #lineEnd(): number {
    const end = /[\r\n]/g;
    end.lastIndex = this.#at;
    return end.exec(this.#text)?.index ?? this.#text.length;
  }

  #blankAt(at: number): boolean {
    const c = this.#text.charAt(at);
    return c === '' || /\s/.test(c);
  }

  #joined(): string {
    const parts: string[] = [];
    let done = 0;
    for (const [from, to] of this.#blanks) {
      parts.push(this.#text.slice(done, from), ' '.repeat(to - from));
      done = to;
    }
    return parts.join('') + this.#text.slice(done);
  }
}
