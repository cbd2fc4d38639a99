import { readPlain } from './scalar.ts';

/**
 * How libyaml, which Psych writes with, puts one text down: plain, quoted, or as a block. Byte for byte, because the
 * deployment diff shows its lines and clients compare them. Source: libyaml 0.2.5, emitter.c; Psych 4, yaml_tree.rb.
 */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal';

interface Analysis {
  multiline: boolean;
  plainAllowed: boolean;
  singleAllowed: boolean;
  blockAllowed: boolean;
}

/** What Psych asks the emitter for; the emitter may find that it can't be. */
export function psychStyle(text: string): ScalarStyle {
  if (/\n(?!\n?$)/.test(text)) return 'literal'; // a break anywhere but at the very end
  if (text === '<<') return 'single';
  if (text === 'y' || text === 'n') return 'double';
  if (/^[^\p{L}\p{M}\p{N}\p{Pc}][^"]*$/mu.test(text)) return 'double';
  if (meansMoreToPsych(text)) return 'single';
  return 'plain';
}

/** Whether Psych would read the bare text as something else: more than `readPlain` does, see there. */
export function meansMoreToPsych(text: string): boolean {
  return (
    text === '' ||
    typeof readPlain(text).value !== 'string' ||
    /^0[0-7]*[89]/.test(text) ||
    /^:./.test(text) ||
    /^[-+]?\d[\d_]*(:[0-5]?\d){1,2}(\.[\d_]*)?$/.test(text) ||
    isDate(text) ||
    /^-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?$/.test(text)
  );
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(1[012]|0?\d)-([12]\d|3[01]|0?\d)$/.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(Date.UTC(2000, Number(month) - 1, Number(day)));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

const blank = (c: string | undefined) => c === undefined || c === ' ' || c === '\t' || isBreak(c);
const isBreak = (c: string | undefined) =>
  c === '\n' || c === '\r' || c === '\u0085' || c === '\u2028' || c === '\u2029';

/** A tab, a control character, a byte order mark, or anything beyond 16 bits can't be shown as it is. */
function printable(c: string): boolean {
  const code = c.codePointAt(0) ?? 0;
  if (code < 0x80) return code === 0x0a || (code >= 0x20 && code <= 0x7e);
  return code >= 0xa0 && code <= 0xfffd && code !== 0xfeff;
}

function analyse(text: string): Analysis {
  if (text === '') return { multiline: false, plainAllowed: true, singleAllowed: true, blockAllowed: false };
  const chars = Array.from(text);
  let indicators = /^(---|\.\.\.)/.test(text);
  let breaks = false;
  let special = false;
  let breakSpace = false;
  let spaceBreak = false;
  for (const [i, c] of chars.entries()) {
    const previous = chars[i - 1];
    const followedByBlank = blank(chars[i + 1]);
    if (
      i === 0 ? /[#,[\]{}&*!|>'"%@`]/.test(c) || (/[-?:]/.test(c) && followedByBlank) : c === ':' && followedByBlank
    ) {
      indicators = true;
    }
    if (i > 0 && c === '#' && blank(previous)) indicators = true;
    if (!printable(c)) special = true;
    if (isBreak(c)) breaks = true;
    if (c === ' ' && isBreak(previous)) breakSpace = true;
    if (isBreak(c) && previous === ' ') spaceBreak = true;
  }
  const [first] = chars;
  const final = chars.at(-1);
  const edged = first === ' ' || isBreak(first) || final === ' ' || isBreak(final);
  return {
    multiline: breaks,
    plainAllowed: !indicators && !edged && !breaks && !special,
    singleAllowed: !breakSpace && !spaceBreak && !special,
    blockAllowed: final !== ' ' && !spaceBreak && !special,
  };
}

/** The style that the text can have, given the one that is asked for. */
export function possibleStyle(text: string, wanted: ScalarStyle, asKey: boolean): ScalarStyle {
  const { multiline, plainAllowed, singleAllowed, blockAllowed } = analyse(text);
  let style = asKey && multiline ? 'double' : wanted;
  if (style === 'plain' && (!plainAllowed || (text === '' && asKey))) style = 'single';
  if (style === 'single' && !singleAllowed) style = 'double';
  if (style === 'literal' && (!blockAllowed || asKey)) style = 'double';
  return style;
}
