import { YAMLException, parseEvents, type Event } from 'js-yaml';
import { InvalidManifest } from './fault.ts';
import type { YamlValue } from './value.ts';
import { ConstructError, construct, type Repeated } from './yaml/construct.ts';
import { emit } from './yaml/emit.ts';
import { psychStyle } from './yaml/emit-scalar.ts';
import { closers, scanFlow, type Unclosed } from './yaml/flow.ts';
import { LineIndex, type YamlPath } from './yaml/lines.ts';

/** Four times the largest body that a director takes for a manifest. */
const textLengthMax = 64 * 1024 * 1024;

/** What was read, and where in the text it is. */
export interface YamlDocument {
  readonly value: YamlValue;
  /** From 1; undefined when the value doesn't come from a text. */
  lineOf(path: YamlPath): number | undefined;
  /** Keys that their map has already, in a line before. The last one counts. */
  readonly repeated: ReadonlyArray<{ key: string; line: number }>;
}

/**
 * Reads the first document of a text as Ruby's Psych and Go's yaml do; see yaml/scalar.ts for what a plain scalar
 * means. Values share what their aliases share, so change a copy, never the value.
 * @param what names the text in faults: `manifest`, or a path
 * @throws InvalidManifest `yaml-malformed` with the line
 */
export function readYaml(text: string, what = 'document'): YamlDocument {
  if (text.length > textLengthMax) throw malformed(what, `is longer than ${textLengthMax} characters`, text, 0);
  const { value, repeated, readable } = parse(text, what);
  const lines = new LineIndex(readable, text);
  return {
    value,
    lineOf: (path) => lines.lineOf(path),
    repeated: repeated.map(({ key, offset }) => ({ key, line: lines.lineAt(offset) })),
  };
}

/** A value that has no text, or whose text is somewhere else; or another value with the lines of a document. */
export function documentOf(value: YamlValue, lines?: YamlDocument): YamlDocument {
  return { value, lineOf: (path) => lines?.lineOf(path), repeated: lines?.repeated ?? [] };
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

/** `readable`: the text as our parser takes it, which may have other white space. */
function parse(text: string, what: string): { value: YamlValue; repeated: readonly Repeated[]; readable: string } {
  try {
    const { events, readable } = eventsOf(text);
    return { ...construct(readable, events), readable };
  } catch (error) {
    if (error instanceof UnclosedError) throw unclosed(what, error.unclosed, text);
    if (error instanceof YAMLException) throw malformed(what, error.reason, text, error.mark?.position ?? 0);
    if (error instanceof ConstructError) throw malformed(what, error.message, text, error.offset);
    throw error;
  }
}

class UnclosedError extends Error {
  readonly unclosed: Unclosed;

  constructor(unclosed: Unclosed) {
    super(`unclosed ${unclosed.opener}`);
    this.unclosed = unclosed;
  }
}

/** What the parser says where something before was not closed; or where a `]` stands below its key, which is right. */
const symptoms = /deficient indentation|unexpected end of the|missed comma|after a mapping key|bad indentation/;

function eventsOf(text: string): { events: Event[]; readable: string } {
  try {
    return { events: parseEvents(text, {}), readable: text };
  } catch (error) {
    if (!(error instanceof YAMLException) || !symptoms.test(error.reason)) throw error;
    const failedAt = error.mark?.position ?? 0;
    const { unclosed, joined } = scanFlow(text, failedAt);
    if (unclosed !== undefined && unclosed.offset <= failedAt) throw new UnclosedError(unclosed);
    if (joined === text) throw error;
    return { events: parseEvents(joined, {}), readable: joined };
  }
}

function unclosed(what: string, { opener, offset }: Unclosed, text: string): InvalidManifest {
  const isQuote = opener === '"' || opener === "'";
  const reason = isQuote ? `nothing closes the quote ${opener}` : `no "${closers[opener]}" closes the "${opener}"`;
  const suggestion = isQuote ? 'close it, and indent every line that it goes on in' : 'close it';
  return refused(what, `${reason} that is opened`, { text, offset, suggestion });
}

function malformed(what: string, reason: string, text: string, offset: number): InvalidManifest {
  const hint = 'Correct the line, or look at the one above it: a wrong indentation shows up late.';
  return refused(what, reason, { text, offset, ...advice(reason, text, offset), hint });
}

function refused(
  what: string,
  reason: string,
  { text, offset, hint, suggestion }: { text: string; offset: number; hint?: string; suggestion?: string },
): InvalidManifest {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  const written = (text.split('\n', line)[line - 1] ?? '').trim().slice(0, 60);
  const message = `${reason} at line ${line}, column ${column}${written === '' ? '' : `: ${written}`}`;
  const fault = { path: '', message, boshCode: 440001, ...(suggestion === undefined ? {} : { suggestion }) };
  return new InvalidManifest(what, [fault], { code: 'yaml-malformed', ...(hint === undefined ? {} : { hint }) });
}

/** What usually lies behind the parser's words. */
function advice(reason: string, text: string, offset: number): { suggestion?: string } {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? '';
  if (line.includes('\t')) return { suggestion: 'indent with spaces; YAML allows no tab there' };
  if (/indentation|implicit key|mapping/.test(reason)) {
    return { suggestion: 'align the keys of one map in one column, and quote a value that has ": " in it' };
  }
  return {};
}
