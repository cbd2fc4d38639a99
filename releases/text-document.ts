import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { ReleaseFault } from './release-fault.ts';

/**
 * A YAML document whose scalars are all text, as written: `version: 1.10` is "1.10" and a fingerprint of digits keeps
 * its zeroes. Every value that a release manifest or an index file holds is text, or one of the two below.
 */
export type TextNode = string | null | TextMap | readonly TextNode[];
export interface TextMap {
  readonly [key: string]: TextNode;
}

/** Bounds what an alias bomb can blow up to; real documents use none. */
const aliasesMax = 100;

/** `!binary` is how the Ruby CLI, years ago, wrote any text that YAML thought odd. Both spellings are in the wild. */
const binary = (tag: string) => ({ tag, resolve: (text: string) => Buffer.from(text, 'base64').toString('utf8') });

/** The document, or what is wrong with it. Never throws. */
export function readTextDocument(text: string): { root: TextNode; faults: ReleaseFault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: [binary('!binary'), binary('tag:yaml.org,2002:binary')],
    uniqueKeys: false, // Ruby and Go read such files; the last one counts
    lineCounter: lines,
    prettyErrors: false,
  });
  const faults = document.errors.map(({ message, pos }) => ({ path: '', message, line: lines.linePos(pos[0]).line }));
  if (faults.length > 0) return { root: null, faults };
  let aliases = 0;
  const resolve = (node: unknown): TextNode => {
    if (isScalar(node)) return textOf(node.value, node.type === 'PLAIN');
    if (isMap(node)) return Object.fromEntries(node.items.filter(isPair).map((p) => [keyOf(p.key), resolve(p.value)]));
    if (isSeq(node)) return node.items.map(resolve);
    const target = isAlias(node) ? node.resolve(document) : undefined;
    if (target === undefined || ++aliases > aliasesMax) return null;
    return resolve(target);
  };
  return { root: resolve(document.contents), faults };
}

function keyOf(node: unknown): string {
  return isScalar(node) && typeof node.value === 'string' ? node.value : '';
}

function textOf(value: unknown, plain: boolean): string | null {
  const text = typeof value === 'string' ? value : '';
  return plain && /^(?:~|null|)$/i.test(text) ? null : text;
}

export function isTextMap(node: TextNode | undefined): node is TextMap {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** Reads fields, and notes what is wrong with them instead of stopping. */
export class FieldReader {
  readonly #map: TextMap;
  readonly #path: string;
  readonly #faults: ReleaseFault[];

  constructor(map: TextMap, path: string, faults: ReleaseFault[]) {
    this.#map = map;
    this.#path = path;
    this.#faults = faults;
  }

  pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  fault(key: string, message: string, boshCode?: number): void {
    this.#faults.push({ path: this.pathOf(key), message, ...(boshCode === undefined ? {} : { boshCode }) });
  }

  /** Empty when it is missing: the fault is on record, and the document will be refused. */
  text(key: string): string {
    const value = this.optionalText(key);
    if (value === undefined) this.fault(key, 'is missing');
    return value ?? '';
  }

  optionalText(key: string): string | undefined {
    const value = this.#map[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    this.fault(key, 'must be a text');
    return undefined;
  }

  optionalFlag(key: string): boolean | undefined {
    const value = this.optionalText(key);
    if (value === undefined) return undefined;
    if (/^(?:true|yes|on)$/i.test(value)) return true;
    if (!/^(?:false|no|off)$/i.test(value)) this.fault(key, `must be true or false, not "${value}"`);
    return false;
  }

  /** Absent and null are empty. */
  texts(key: string): string[] {
    const value = this.#map[key];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[]; // just checked
    this.fault(key, 'must be a list of texts');
    return [];
  }

  /** The maps of a list, each with a reader of its own. Absent and null are empty. */
  maps(key: string): FieldReader[] {
    const value = this.#map[key];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) {
      this.fault(key, 'must be a list');
      return [];
    }
    return value.flatMap((item: TextNode, index) => {
      const path = `${this.pathOf(key)}.${index}`;
      if (isTextMap(item)) return [new FieldReader(item, path, this.#faults)];
      this.#faults.push({ path, message: 'must be a map' });
      return [];
    });
  }

  optionalMap(key: string): FieldReader | undefined {
    const value = this.#map[key];
    if (value === undefined || value === null) return undefined;
    if (isTextMap(value)) return new FieldReader(value, this.pathOf(key), this.#faults);
    this.fault(key, 'must be a map');
    return undefined;
  }

  has(key: string): boolean {
    return this.#map[key] !== undefined && this.#map[key] !== null;
  }
}
