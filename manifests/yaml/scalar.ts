/**
 * What a plain (unquoted) scalar means. The rule is Ruby's Psych, which a BOSH director reads with, but for four
 * things that Psych makes into objects and every BOSH document means as text: dates, times, `:symbols`, and base 60
 * (`1:30` is 5400 to Psych; the bosh CLI already quotes it on its way). `y` and `n` are text, as in Psych.
 */
export type PlainScalar =
  | { value: null | boolean | string | bigint }
  /** `numeral`: as it was written, when the number alone would be written otherwise (`1.0`, `1.10`). */
  | { value: number; numeral?: string };

/** The comma is Psych's: `1,000` is a thousand to it. */
const integer = /^[-+]?(?:0|[1-9](?:\d|,\d|_\d)*)$/;
const octal = /^[-+]?0[0-7_,]+$/;
const binary = /^[-+]?0b[01_,]+$/;
const hexadecimal = /^[-+]?0x[0-9a-fA-F_,]+$/;
/** An exponent needs its sign, else it is text: `12e03` is the start of a commit far more often than a number. */
const float = /^[-+]?(?:\d[\d_,]*)?\.\d*(?:[eE][-+]\d+)?$/;

export function readPlain(text: string): PlainScalar {
  const first = text.charCodeAt(0);
  // The bulk of all scalars are words: told apart by their first letter, without any expression.
  if (isWordStart(first)) return readWord(text);
  if (text === '' || text === '~') return { value: null };
  if (integer.test(text) || octal.test(text) || binary.test(text) || hexadecimal.test(text)) return readInteger(text);
  if (float.test(text) && /\d/.test(text)) return readFloat(text);
  if (/^[-+]?\.inf$/i.test(text)) return { value: text.startsWith('-') ? -Infinity : Infinity };
  if (/^\.nan$/i.test(text)) return { value: NaN };
  return { value: text };
}

const wordStarts = new Set(
  Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/', (c) => c.charCodeAt(0)),
);

function isWordStart(code: number): boolean {
  return wordStarts.has(code);
}

const words: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ['yes', true],
  ['true', true],
  ['on', true],
  ['no', false],
  ['false', false],
  ['off', false],
  ['null', null],
]);

function readWord(text: string): PlainScalar {
  if (text.length > 5) return { value: text };
  const value = words.get(text.toLowerCase());
  return { value: value === undefined ? text : value };
}

function readInteger(text: string): PlainScalar {
  const digits = text.replace(/[_,]/g, '');
  const sign = digits.startsWith('-') ? -1n : 1n;
  const unsigned = digits.replace(/^[-+]/, '').replace(/^0(?=[0-7])/, '0o'); // BigInt reads 0o, 0x and 0b
  const exact = sign * BigInt(unsigned);
  const value = Number(exact);
  return Number.isSafeInteger(value) ? { value } : { value: exact };
}

function readFloat(text: string): PlainScalar {
  const value = Number(text.replace(/[_,]/g, ''));
  return String(value) === text ? { value } : { value, numeral: text };
}
