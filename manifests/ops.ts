import { didYouMean } from '../common/suggest.ts';
import { copyOf } from './copy.ts';
import { equal } from './diff/equal.ts';
import { InvalidManifest, type ManifestFault } from './fault.ts';
import { find } from './ops/find.ts';
import { parsePointer, PointerError, type Pointer } from './ops/pointer.ts';
import { remove } from './ops/remove.ts';
import { replace } from './ops/replace.ts';
import { WalkError } from './ops/walk.ts';
import { describe } from './parse/section.ts';
import { isMap, type YamlMap, type YamlValue } from './value.ts';
import { documentOf, type YamlDocument } from './yaml.ts';

/** One operation of an ops file. `test` checks and changes nothing. There is no move and no copy in go-patch. */
export type Op = OpAt &
  (
    | { type: 'replace'; value: YamlValue }
    | { type: 'remove' }
    | { type: 'test'; value: YamlValue }
    | { type: 'test-absent' }
  );

interface OpAt {
  path: string;
  pointer: Pointer;
  /** What its author wants to be said when it fails. */
  error: string | null;
  /** Its place in the file, for messages. */
  index: number;
  line: number | undefined;
}

const types = ['replace', 'remove', 'test'];

/**
 * Reads an ops file; an empty one holds no operations.
 * @param what names the file in faults
 * @throws InvalidManifest `ops-invalid` with every fault
 */
export function parseOps(document: YamlDocument, what = 'ops file'): Op[] {
  const { value } = document;
  const faults: ManifestFault[] = [];
  if (value !== null && !Array.isArray(value)) {
    throw new InvalidManifest(what, [{ path: '', message: 'an ops file is a list of operations' }], {
      code: 'ops-invalid',
    });
  }
  const ops = (value ?? []).flatMap((item, index): Op[] => {
    const line = document.lineOf([index]);
    const read = readOp(item, index, line);
    if (typeof read !== 'string') return [read];
    const type = isMap(item) && typeof item['type'] === 'string' ? item['type'] : null;
    faults.push({
      path: `[${index}]`,
      message: read,
      ...(line === undefined ? {} : { line }),
      ...(type === null || types.includes(type) ? {} : didYouMean(type, types)),
    });
    return [];
  });
  if (faults.length > 0) throw new InvalidManifest(what, faults, { code: 'ops-invalid' });
  return ops;
}

/** The operation, or what is wrong with it. */
function readOp(item: YamlValue, index: number, line: number | undefined): Op | string {
  if (!isMap(item)) return 'an operation is a map with "type" and "path"';
  const { type, path } = item;
  if (typeof path !== 'string') return '"path" is missing, or no text';
  let pointer: Pointer;
  try {
    pointer = parsePointer(path);
  } catch (error) {
    if (error instanceof PointerError) return `the path ${path} is wrong: ${error.message}`;
    throw error;
  }
  const at: OpAt = { path, pointer, index, line, error: typeof item['error'] === 'string' ? item['error'] : null };
  const value = item['value'] ?? null; // to go-patch, a null is no value
  switch (type) {
    case 'replace':
      return value === null ? '"value" is missing' : { ...at, type, value };
    case 'remove':
      return value === null ? { ...at, type } : '"remove" takes no "value"';
    case 'test':
      if (item['absent'] === true) return { ...at, type: 'test-absent' };
      return value === null && item['absent'] === undefined ? '"value" or "absent" is missing' : { ...at, type, value };
    default:
      return `${describe(type ?? null)} is no operation: ${types.join(', ')}`;
  }
}

/**
 * Applies operations one after the other to a copy of the value.
 * @throws InvalidManifest `ops-failed`: the first that fails, with its index, its path and what is there instead
 */
export function applyOps(value: YamlValue, ops: readonly Op[], what = 'ops file'): YamlValue {
  let document = copyOf(value);
  for (const op of ops) {
    try {
      document = apply(document, op);
    } catch (error) {
      if (error instanceof WalkError || error instanceof PointerError) throw failed(op, error, what);
      throw error;
    }
  }
  return document;
}

function apply(document: YamlValue, op: Op): YamlValue {
  switch (op.type) {
    case 'replace':
      return replace(document, op.pointer, copyOf(op.value)); // later operations may change what this one put in
    case 'remove':
      remove(document, op.pointer);
      return document;
    case 'test':
      if (equal(find(document, op.pointer), op.value)) return document;
      throw new WalkError('another value is there than is tested for', { path: op.pointer });
    case 'test-absent':
      if (isAbsent(document, op)) return document;
      throw new WalkError('it is tested to be absent, but is there', { path: op.pointer });
  }
}

/** Absent is what everything above is there for; a path that breaks off earlier is an error. */
function isAbsent(document: YamlValue, op: Op): boolean {
  try {
    find(document, op.pointer);
    return false;
  } catch (error) {
    if (error instanceof WalkError && error.absent && parsePointer(error.path).length === op.pointer.length)
      return true;
    throw error;
  }
}

function failed(op: Op, error: WalkError | PointerError, what: string): InvalidManifest {
  const at = error instanceof WalkError && error.path !== op.path ? ` at ${error.path}` : '';
  const said = op.error === null ? '' : `${op.error}: `;
  const type = op.type === 'test-absent' ? 'test' : op.type;
  const fault: ManifestFault = {
    path: `[${op.index}]`,
    message: `${said}${type} ${op.path === '' ? 'of the whole document' : op.path} failed${at}: ${error.message}`,
    ...(op.line === undefined ? {} : { line: op.line }),
    ...(error instanceof WalkError && error.suggestion !== undefined ? { suggestion: error.suggestion } : {}),
  };
  return new InvalidManifest(what, [fault], {
    code: 'ops-failed',
    hint: 'The document is as the operations before this one left it. To allow for what is absent, end a part of the path in "?".',
  });
}

/** What is at a path of a document, as `--path` shows it. @throws InvalidManifest `path-not-found` */
export function valueAt(value: YamlValue, path: string): YamlValue {
  try {
    return find(value, parsePointer(path));
  } catch (error) {
    if (!(error instanceof WalkError) && !(error instanceof PointerError)) throw error;
    const suggestion = error instanceof WalkError ? error.suggestion : undefined;
    const fault = { path, message: error.message, ...(suggestion === undefined ? {} : { suggestion }) };
    throw new InvalidManifest('path', [fault], { code: 'path-not-found' });
  }
}

/** Operations that are made here, not read: each a plain map as in an ops file. */
export function opsOf(operations: readonly YamlMap[]): Op[] {
  return parseOps(documentOf([...operations]));
}
