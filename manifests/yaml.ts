import { YAMLException, parseEvents } from 'js-yaml';
import { InvalidManifest } from './fault.ts';
import type { YamlValue } from './value.ts';
import { ConstructError, construct } from './yaml/construct.ts';
import { emit } from './yaml/emit.ts';
import { psychStyle } from './yaml/emit-scalar.ts';
import { LineIndex, type YamlPath } from './yaml/lines.ts';

/** Four times the largest body that a director takes for a manifest. */
const textLengthMax = 64 * 1024 * 1024;

/** What was read, and where in the text it is. */
export interface YamlDocument {
  readonly value: YamlValue;
  /** From 1; undefined when the value doesn't come from a text. */
  lineOf(path: YamlPath): number | undefined;
}

/**
 * Reads the first document of a text as Ruby's Psych and Go's yaml do; see yaml/scalar.ts for what a plain scalar
 * means. Values share what their aliases share, so change a copy, never the value.
 * @param what names the text in faults: `manifest`, or a path
 * @throws InvalidManifest `yaml-malformed` with the line
 */
export function readYaml(text: string, what = 'document'): YamlDocument {
  if (text.length > textLengthMax) throw malformed(what, `is longer than ${textLengthMax} characters`, text, 0);
  const lines = new LineIndex(text);
  return { value: parse(text, what), lineOf: (path) => lines.lineOf(path) };
}

/** A value that has no text, or whose text is somewhere else; or another value with the lines of a document. */
export function documentOf(value: YamlValue, lines?: YamlDocument): YamlDocument {
  return { value, lineOf: (path) => lines?.lineOf(path) };
}

/**
 * Writes a value so that Psych and Go both read it back the same: what either would take for a number, a date or a
 * boolean is quoted. Lines are not folded. Floats are written as they were read (`1.0` stays `1.0`).
 */
export function writeYaml(value: YamlValue): string {
  return emit(value, { width: Infinity, psych: false, styleOf: (text) => quotedForGo(text) ?? psychStyle(text) });
}

/** Numbers to Go, text to Psych. */
function quotedForGo(text: string): 'double' | undefined {
  return /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$|^[-+]?0o[0-7_]+$|^[yYnN]$/.test(text) ? 'double' : undefined;
}

function parse(text: string, what: string): YamlValue {
  try {
    return construct(text, parseEvents(text, {}));
  } catch (error) {
    if (error instanceof YAMLException) throw malformed(what, error.reason, text, error.mark?.position ?? 0);
    if (error instanceof ConstructError) throw malformed(what, error.message, text, error.offset);
    throw error;
  }
}

function malformed(what: string, reason: string, text: string, offset: number): InvalidManifest {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  const written = (text.split('\n', line)[line - 1] ?? '').trim().slice(0, 60);
  const message = `${reason} at line ${line}, column ${column}${written === '' ? '' : `: ${written}`}`;
  return new InvalidManifest(what, [{ path: '', message, line, boshCode: 440001, ...advice(reason, text, offset) }], {
    code: 'yaml-malformed',
    hint: 'Correct the line, or look at the one above it: an open quote or a wrong indentation shows up late.',
  });
}

/** What usually lies behind the parser's words. */
function advice(reason: string, text: string, offset: number): { suggestion?: string } {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? '';
  if (line.includes('\t')) return { suggestion: 'indent with spaces; YAML allows no tab there' };
  if (/indentation|implicit key|mapping/.test(reason)) {
    return { suggestion: 'align the keys of one map in one column, and quote a value that has ": " in it' };
  }
  if (/quoted/.test(reason)) return { suggestion: 'close the quote' };
  if (/flow/.test(reason)) return { suggestion: 'close the bracket or brace' };
  return {};
}
