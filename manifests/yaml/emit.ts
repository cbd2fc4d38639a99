import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { possibleStyle, type ScalarStyle } from './emit-scalar.ts';
import { numeralOf } from './numerals.ts';

export interface EmitOptions {
  /** Where lines with several words are folded; Infinity: nowhere. */
  width: number;
  styleOf: (text: string) => ScalarStyle;
  /**
   * Byte for byte as Psych: null is nothing at all, floats are written as Ruby has them and not as their author did,
   * and a document ends with `...` after a block that keeps its last breaks.
   */
  psych: boolean;
}

/** libyaml looks no further ahead for the colon of a key; a longer one is written `? key`. */
const simpleKeyLengthMax = 128;

/** Block style, two spaces, lists not indented under their key: the shape that Psych and Go give a document. */
export function emit(value: YamlValue, options: EmitOptions): string {
  const out = new Emission(options);
  out.value(value, { indent: -1, inMap: false, atLineStart: true, asKey: false });
  return out.finish();
}

interface At {
  /** Of the collection that this value is in; -1: the document. */
  indent: number;
  inMap: boolean;
  /** Nothing but indentation is on the line so far. */
  atLineStart: boolean;
  asKey: boolean;
  numeral?: string | undefined;
}

class Emission {
  readonly #options: EmitOptions;
  readonly #parts: string[] = [];
  #column = 0;
  /** The last block so far keeps the breaks at its end, which a reader can't tell from those after the document. */
  #openEnded = false;

  constructor(options: EmitOptions) {
    this.#options = options;
  }

  finish(): string {
    return `${this.#parts.join('')}\n${this.#openEnded && this.#options.psych ? '...\n' : ''}`;
  }

  value(value: YamlValue, at: At): void {
    if (Array.isArray(value)) {
      if (value.length === 0) this.#word('[]', at);
      else this.#list(value, at);
    } else if (isMap(value)) {
      if (Object.keys(value).length === 0) this.#word('{}', at);
      else this.#map(value, at);
    } else if (typeof value === 'string') {
      this.#text(value, at);
    } else {
      this.#word(this.#scalar(value, at.numeral), at);
    }
  }

  #scalar(value: null | boolean | number | bigint, numeral: string | undefined): string {
    if (numeral === undefined) return scalarText(value, this.#options.psych ? '' : 'null');
    return this.#options.psych ? floatText(Number(value)) : numeral;
  }

  #list(items: readonly YamlValue[], at: At): void {
    // Under a key that has a line of its own, a list stays in the column of the key.
    const indent = at.inMap && !at.atLineStart ? at.indent : at.indent === -1 ? 0 : at.indent + 2;
    for (const [i, item] of items.entries()) {
      this.#startLine(indent, at.atLineStart && i === 0);
      this.#write('-');
      const numeral = numeralOf(items as YamlValue[], i); // read only
      this.value(item, { indent, inMap: false, atLineStart: true, asKey: false, numeral });
    }
  }

  #map(map: YamlMap, at: At): void {
    const indent = at.indent === -1 ? 0 : at.indent + 2;
    for (const [i, [key, item]] of Object.entries(map).entries()) {
      this.#startLine(indent, at.atLineStart && i === 0);
      const simple = Buffer.byteLength(key) <= simpleKeyLengthMax && !/[\n\r\u0085\u2028\u2029]/.test(key);
      if (!simple) this.#write('?');
      this.value(key, { indent, inMap: true, atLineStart: true, asKey: simple });
      if (!simple) this.#startLine(indent, false);
      this.#write(':');
      this.value(item, { indent, inMap: true, atLineStart: !simple, asKey: false, numeral: numeralOf(map, key) });
    }
  }

  /** A new line, or, for the first entry of a collection inside of a list item, the same one after `- `. */
  #startLine(indent: number, sameLine: boolean): void {
    if (this.#parts.length === 0) return;
    if (sameLine) this.#write(' ');
    else this.#break(indent);
  }

  #break(indent: number): void {
    this.#parts.push(`\n${' '.repeat(Math.max(0, indent))}`);
    this.#column = Math.max(0, indent);
  }

  #write(text: string): void {
    this.#parts.push(text);
    this.#column += text.length;
  }

  #word(word: string, at: At): void {
    if (word !== '') this.#write(this.#separator(at) + word);
  }

  /** The space after `:` or `-`. A key stands at the start of its line, and so does a document. */
  #separator({ asKey, indent }: At): string {
    return asKey || indent === -1 ? '' : ' ';
  }

  #text(text: string, at: At): void {
    const possible = possibleStyle(text, this.#options.styleOf(text), at.asKey);
    // libyaml counts the indentation hint of a whole document from 0, the specification from -1: no hint, no dispute.
    const disputed = possible === 'literal' && at.indent === -1 && /^[ \n]/.test(text) && !this.#options.psych;
    const style = disputed ? 'double' : possible;
    const indent = at.indent + 2;
    if (style === 'literal') return this.#literal(text, at, at.indent === -1 ? 2 : indent);
    this.#write(this.#separator(at));
    if (text === '<<') this.#write('!!str '); // bare or quoted, Psych would merge it
    if (style === 'double') return this.#double(text, at, indent);
    if (style === 'single') return this.#folded(text.replaceAll("'", "''"), at, indent, "'");
    this.#folded(text, at, indent, '');
  }

  #literal(text: string, at: At, indent: number): void {
    const hints = blockHints(text);
    this.#openEnded = hints.endsWith('+');
    this.#write(`${this.#separator(at)}|${hints}`);
    const body = text.endsWith('\n') ? text.slice(0, -1) : text;
    for (const line of body.split('\n')) {
      if (line === '') this.#parts.push('\n');
      else {
        this.#break(indent);
        this.#write(line);
      }
    }
    // The break that ends the text is the one before the next line; those beyond it have to be written.
  }

  #folded(text: string, at: At, indent: number, quote: string): void {
    this.#write(quote);
    if (at.asKey || text.length + this.#column <= this.#options.width || !text.includes(' ')) {
      this.#parts.push(quote === "'" ? text.replace(/\n+/g, (run) => `${run}\n${' '.repeat(indent)}`) : text);
      this.#column += text.length;
    } else {
      this.#fold(text, indent, quote !== '');
    }
    this.#write(quote);
  }

  /** At a single space beyond the width, never at the edge of a quoted text. */
  #fold(text: string, indent: number, quoted: boolean): void {
    const chars = Array.from(text);
    for (const [i, c] of chars.entries()) {
      const edge = quoted && (i === 0 || i === chars.length - 1);
      const lone = chars[i - 1] !== ' ' && chars[i + 1] !== ' ';
      if (c === ' ' && lone && !edge && this.#column > this.#options.width) this.#break(indent);
      else if (c === '\n') {
        if (chars[i - 1] !== '\n') this.#parts.push('\n');
        this.#break(indent);
      } else this.#write(c);
    }
  }

  #double(text: string, at: At, indent: number): void {
    this.#write('"');
    const chars = Array.from(text);
    for (const [i, c] of chars.entries()) {
      const inside = i > 0 && i < chars.length - 1;
      if (c === ' ' && inside && !at.asKey && chars[i - 1] !== ' ' && this.#column > this.#options.width) {
        this.#break(indent);
        if (chars[i + 1] === ' ') this.#write('\\');
      } else this.#write(escaped(c));
    }
    this.#write('"');
  }
}

/** Whether the first line is indented, and what becomes of breaks at the end. */
function blockHints(text: string): string {
  const indentation = /^[ \n]/.test(text) ? '2' : '';
  if (!text.endsWith('\n')) return `${indentation}-`;
  return text === '\n' || text.endsWith('\n\n') ? `${indentation}+` : indentation;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
  '\u00a0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function escaped(c: string): string {
  const short = escapes[c];
  if (short !== undefined && c !== '\u00a0') return short;
  const code = c.codePointAt(0) ?? 0;
  if ((code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xfffd && code !== 0xfeff)) return c;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** As Ruby writes it: `1.0e+20`, `.inf`. */
export function scalarText(value: null | boolean | number | bigint, nullText: string): string {
  if (value === null) return nullText;
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return String(value);
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  return floatText(value);
}

/** Ruby's Float#to_s: always a point, an exponent from 1e16 up and below 1e-4. */
function floatText(value: number): string {
  const [mantissa = '', exponent] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= 16 || power < -4) {
    const sign = power < 0 ? '-' : '+';
    return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const plain = value.toString();
  if (plain.includes('e')) return value.toFixed(Math.max(1, (mantissa.split('.')[1]?.length ?? 0) - power));
  return plain.includes('.') ? plain : `${plain}.0`;
}
