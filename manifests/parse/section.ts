import { didYouMean, nearest } from '../../common/suggest.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import type { YamlDocument } from '../yaml.ts';
import { scalarText } from '../yaml/emit.ts';
import type { YamlPath } from '../yaml/lines.ts';
import { numeralOf } from '../yaml/numerals.ts';
import type { Collector, Found } from './collector.ts';

/** BOSH's numbers for a value of the wrong type, a missing one, one too small, and one that isn't allowed. */
export const boshCodes = { wrongType: 40000, missing: 40001, tooSmall: 40002, notAllowed: 40005 } as const;

/**
 * One map of a document, read key by key under BOSH's rules: a key that is there must have the right type, null
 * included; a number is taken for a text, nothing else is taken for anything. What can't be read is a fault, and an
 * empty value comes back in its place. Source: validation_helper.rb.
 */
export class Section {
  readonly collector: Collector;
  readonly document: YamlDocument;
  readonly path: YamlPath;
  readonly map: YamlMap;

  constructor(at: { collector: Collector; document: YamlDocument; path?: YamlPath }, map: YamlMap) {
    this.collector = at.collector;
    this.document = at.document;
    this.path = at.path ?? [];
    this.map = map;
  }

  /** The document as a whole; anything but a map is a fault. */
  static root(collector: Collector, document: YamlDocument): Section {
    const at = { collector, document };
    if (isMap(document.value)) return new Section(at, document.value);
    const found = document.value === null ? 'it is empty' : `it is ${describe(document.value)}`;
    collector.fault(document, [], { message: `the document must be a map, but ${found}`, boshCode: 440001 });
    return new Section(at, {});
  }

  has(key: string): boolean {
    return Object.hasOwn(this.map, key);
  }

  raw(key: string): YamlValue | undefined {
    return this.has(key) ? this.map[key] : undefined;
  }

  fault(key: string | number | null, found: Found): void {
    this.collector.fault(this.document, key === null ? this.path : [...this.path, key], found);
  }

  warn(key: string | null, found: Found): void {
    this.collector.warn(this.document, key === null ? this.path : [...this.path, key], found);
  }

  /** Warns of every key that BOSH would pass over in silence. */
  knows(keys: readonly string[]): void {
    for (const key of Object.keys(this.map)) {
      if (!keys.includes(key))
        this.warn(key, { message: `"${key}" means nothing here and is ignored`, ...didYouMean(key, keys) });
    }
  }

  /**
   * For a fault about missing keys: what may be one of them, misspelt.
   * @param known what is right as it is
   */
  misspelt(missing: readonly string[], known: readonly string[] = []): { suggestion?: string } {
    const others = Object.keys(this.map).filter((key) => !known.includes(key));
    for (const key of missing) {
      const similar = nearest(key, others);
      if (similar !== undefined) return { suggestion: `is "${similar}" meant to be "${key}"?` };
    }
    return {};
  }

  /** Empty when at fault. */
  text(key: string): string {
    return this.#required(key, 'a text') ? this.#text(key) : '';
  }

  optionalText(key: string): string | null {
    return this.has(key) ? this.#text(key) : null;
  }

  /** One of a few words; `fallback` when absent, and when at fault. */
  choice<T extends string>(
    key: string,
    choices: readonly T[],
    fallback: T,
    boshCode: number = boshCodes.notAllowed,
  ): T {
    const text = this.optionalText(key);
    if (text === null) return fallback;
    const choice = choices.find((candidate) => candidate === text);
    if (choice !== undefined) return choice;
    this.fault(key, { message: `"${text}" is none of ${choices.join(', ')}`, boshCode, ...didYouMean(text, choices) });
    return fallback;
  }

  integer(key: string, limits: { min?: number; boshCode?: number } = {}): number {
    return this.#required(key, 'a whole number') ? (this.optionalInteger(key, limits) ?? 0) : 0;
  }

  optionalInteger(key: string, limits: { min?: number; boshCode?: number } = {}): number | null {
    const value = this.raw(key);
    if (value === undefined) return null;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || numeralOf(this.map, key) !== undefined) {
      this.#wrongType(key, 'a whole number', value);
      return null;
    }
    if (limits.min !== undefined && value < limits.min) {
      const boshCode = limits.boshCode ?? boshCodes.tooSmall;
      this.fault(key, { message: `${value} is too small: it must be at least ${limits.min}`, boshCode });
    }
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    return this.optionalBoolean(key) ?? fallback;
  }

  optionalBoolean(key: string, boshCode: number = boshCodes.wrongType): boolean | null {
    const value = this.raw(key);
    if (value === undefined) return null;
    if (typeof value === 'boolean') return value;
    this.#wrongType(key, 'true or false', value, boshCode);
    return null;
  }

  /** A map whose content isn't ours to check; empty when absent. */
  freeMap(key: string): YamlMap {
    const value = this.raw(key);
    if (value === undefined) return {};
    if (isMap(value)) return value;
    this.#wrongType(key, 'a map', value);
    return {};
  }

  section(key: string): Section {
    this.#required(key, 'a map');
    return this.#child([key], this.freeMap(key));
  }

  optionalSection(key: string): Section | null {
    return this.has(key) ? this.#child([key], this.freeMap(key)) : null;
  }

  list(key: string): readonly YamlValue[] {
    return this.#required(key, 'a list') ? this.optionalList(key) : [];
  }

  optionalList(key: string): readonly YamlValue[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.#wrongType(key, 'a list', value);
    return [];
  }

  /** A required list of maps. Entries that are none are faults, and left out. */
  sections(key: string): Section[] {
    return this.#required(key, 'a list') ? this.optionalSections(key) : [];
  }

  optionalSections(key: string, boshCode: number = boshCodes.wrongType): Section[] {
    return this.optionalList(key).flatMap((item, i) => {
      if (isMap(item)) return [this.#child([key, i], item)];
      this.collector.fault(this.document, [...this.path, key, i], {
        message: `it must be a map, but it is ${describe(item)}`,
        boshCode,
      });
      this.collector.leftOut();
      return [];
    });
  }

  /** A list of texts; numbers are taken for texts. Absent: empty. */
  texts(key: string, boshCode: number = boshCodes.wrongType): string[] {
    const list = this.optionalList(key) as YamlValue[]; // read only
    return list.flatMap((item, i) => {
      if (typeof item === 'string') return [item];
      if (typeof item === 'number' || typeof item === 'bigint') return [numeralOf(list, i) ?? scalarText(item, '')];
      this.collector.fault(this.document, [...this.path, key, i], {
        message: `it must be a text, but it is ${describe(item)}`,
        boshCode,
      });
      this.collector.leftOut();
      return [];
    });
  }

  /** Sections by their keys: a map of maps. */
  entries(key: string): [string, YamlValue][] {
    return Object.entries(this.freeMap(key));
  }

  /** A section at a place below this one. */
  below(path: YamlPath, map: YamlMap): Section {
    return this.#child(path, map);
  }

  #child(path: YamlPath, map: YamlMap): Section {
    return new Section({ collector: this.collector, document: this.document, path: [...this.path, ...path] }, map);
  }

  #required(key: string, type: string): boolean {
    if (this.has(key)) return true;
    this.fault(null, {
      message: `"${key}" is missing${type === 'a text' ? '' : ` (${type})`}`,
      boshCode: boshCodes.missing,
      ...this.misspelt([key]),
    });
    return false;
  }

  #text(key: string): string {
    const value = this.raw(key);
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint')
      return numeralOf(this.map, key) ?? scalarText(value, '');
    this.#wrongType(key, 'a text', value ?? null);
    return '';
  }

  #wrongType(key: string, type: string, value: YamlValue, boshCode: number = boshCodes.wrongType): void {
    const quoted = typeof value === 'boolean' && type === 'a text' ? { suggestion: `write it as "${value}"` } : {};
    this.fault(key, { message: `it must be ${type}, but it is ${describe(value)}`, boshCode, ...quoted });
  }
}

const shownLengthMax = 60;

/** A value in a fault's message. Maps and lists by their kind alone: they may hold secrets. */
export function describe(value: YamlValue): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  if (typeof value !== 'string') return scalarText(value, 'null');
  return `"${value.length > shownLengthMax ? `${value.slice(0, shownLengthMax)}…` : value}"`;
}
