import { EVENT_ID, SCALAR_STYLE, getScalarValue, type Event, type ScalarEvent } from 'js-yaml';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { rememberNumeral } from './numerals.ts';
import { readPlain, type PlainScalar } from './scalar.ts';

/**
 * Aliases share what they point at, so a small document can stand for a huge one ("billion laughs"), which whoever
 * walks it would pay for. This many nodes, aliases written out, is ten times the largest manifest we know.
 */
export const nodesMax = 2_000_000;

/** Something that the grammar allows and we don't; `offset` is where in the text. */
export class ConstructError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A key that its map has already. */
export interface Repeated {
  readonly key: string;
  readonly offset: number;
}

interface Anchor {
  value: YamlValue;
  numeral?: string;
  /** Nodes below and including it, aliases written out. */
  nodes: number;
}

interface Node {
  value: YamlValue;
  numeral?: string;
  /** A plain `<<` as a key asks to merge; a quoted one is a key like any other. */
  merge?: boolean;
}

/** The first document of a stream of events as values, null when there is none; and the keys that repeat others. */
export function construct(text: string, events: readonly Event[]): { value: YamlValue; repeated: readonly Repeated[] } {
  const first = events.findIndex((event) => event.type === EVENT_ID.DOCUMENT);
  const next = events[first + 1];
  if (first === -1 || next === undefined || next.type === EVENT_ID.POP) return { value: null, repeated: [] };
  const construction = new Construction(text, events, first + 1);
  return { value: construction.node().value, repeated: construction.repeated };
}

class Construction {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #anchors = new Map<string, Anchor | 'open'>();
  readonly repeated: Repeated[] = [];
  #at: number;
  #nodes = 0;
  #offset = 0;

  constructor(text: string, events: readonly Event[], at: number) {
    this.#text = text;
    this.#events = events;
    this.#at = at;
  }

  node(): Node {
    const event = this.#events[this.#at++];
    this.#count(1);
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        if (event.valueStart >= 0) this.#offset = event.valueStart;
        return this.#anchored(event.anchorStart, event.anchorEnd, () => scalar(this.#text, event));
      case EVENT_ID.SEQUENCE:
        this.#offset = event.start;
        refuseRuby(this.#text, event);
        return this.#anchored(event.anchorStart, event.anchorEnd, () => ({ value: this.#sequence() }));
      case EVENT_ID.MAPPING:
        this.#offset = event.start;
        refuseRuby(this.#text, event);
        return this.#anchored(event.anchorStart, event.anchorEnd, () => ({ value: this.#mapping() }));
      case EVENT_ID.ALIAS:
        return this.#alias(event.anchorStart, event.anchorEnd);
      default:
        throw new Error(`YAML event ${String(event?.type)} where a node begins`);
    }
  }

  #sequence(): YamlValue[] {
    const items: YamlValue[] = [];
    while (!this.#closes()) {
      const { value, numeral } = this.node();
      if (numeral !== undefined) rememberNumeral(items, items.length, numeral);
      items.push(value);
    }
    return items;
  }

  #mapping(): YamlMap {
    const map: YamlMap = {};
    /** Keys that were merged, and may be set once more: that is what merging is for. */
    const merged = new Set<string>();
    while (!this.#closes()) {
      const key = this.node();
      const at = this.#offset;
      const { value, numeral } = this.node();
      if (key.merge === true && mergeInto(map, value, merged)) continue;
      const name = keyText(key, at);
      if (Object.hasOwn(map, name) && !merged.delete(name)) this.repeated.push({ key: name, offset: at });
      setOwn(map, name, value); // the last of several equal keys wins, as in Psych and Go
      if (numeral !== undefined) rememberNumeral(map, name, numeral);
    }
    return map;
  }

  #closes(): boolean {
    if (this.#events[this.#at]?.type !== EVENT_ID.POP) return false;
    this.#at++;
    return true;
  }

  #anchored(start: number, end: number, make: () => Node): Node {
    if (start < 0) return make();
    const name = this.#text.slice(start, end);
    const before = this.#nodes;
    this.#anchors.set(name, 'open');
    const node = make();
    this.#anchors.set(name, { ...node, nodes: this.#nodes - before + 1 });
    return node;
  }

  #alias(start: number, end: number): Node {
    const name = this.#text.slice(start, end);
    this.#offset = start;
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) throw new ConstructError(`*${name} stands for nothing: no &${name} before it`, start);
    if (anchor === 'open') throw new ConstructError(`*${name} is inside of what it stands for`, start);
    this.#count(anchor.nodes - 1);
    return anchor;
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > nodesMax) {
      throw new ConstructError(`the document has more than ${nodesMax} nodes, aliases written out`, this.#offset);
    }
  }
}

function scalar(text: string, event: ScalarEvent): Node {
  const value = event.valueStart < 0 ? '' : getScalarValue(text, event);
  const plain = event.style === SCALAR_STYLE.PLAIN;
  refuseRuby(text, event);
  if (event.tagStart >= 0) return tagged(text.slice(event.tagStart, event.tagEnd), value, plain, event.tagStart);
  if (!plain) return { value };
  return value === '<<' ? { value, merge: true } : readPlain(value);
}

/** Psych would make an object of it, and BOSH refuses those too. */
function refuseRuby(text: string, { tagStart, tagEnd }: { tagStart: number; tagEnd: number }): void {
  const tag = tagStart < 0 ? '' : text.slice(tagStart, tagEnd);
  if (!/^!{1,2}<?!?ruby\//.test(tag)) return;
  throw new ConstructError(`${tag} would make a Ruby object; only plain data is allowed here`, tagStart);
}

/** Tags that say what YAML's own types are; others are passed over, as Psych does. */
function tagged(tag: string, text: string, plain: boolean, offset: number): Node {
  const type = tag.replace(/^(!!|!?<?tag:yaml\.org,2002:)/, '!!').replace(/>$/, '');
  switch (type) {
    case '!!binary':
    case '!binary':
      return { value: Buffer.from(text, 'base64').toString('utf8') };
    case '!!str':
    case '!':
      return { value: text };
    case '!!int':
    case '!!float':
    case '!!bool':
    case '!!null':
      return readAs(type, text, offset);
    default:
      return plain ? readPlain(text) : { value: text };
  }
}

function readAs(type: string, text: string, offset: number): PlainScalar {
  const read = readPlain(text);
  const kind = read.value === null ? '!!null' : typeof read.value === 'boolean' ? '!!bool' : '!!number';
  const wanted = type === '!!int' || type === '!!float' ? '!!number' : type;
  if (kind !== wanted || typeof read.value === 'string') {
    throw new ConstructError(`"${text}" is no ${type.slice(2)}`, offset);
  }
  return read;
}

/** At its place, as Psych and Go do it: what stands before `<<` is replaced, what comes after it wins. */
function mergeInto(map: YamlMap, value: YamlValue, names: Set<string>): boolean {
  const sources = Array.isArray(value) ? value.toReversed() : [value];
  if (!sources.every(isMap)) return false;
  for (const source of sources) {
    for (const [key, merged] of Object.entries(source)) {
      setOwn(map, key, merged);
      names.add(key);
    }
  }
  return true;
}

function keyText({ value, numeral }: Node, offset: number): string {
  if (value !== null && typeof value === 'object') {
    throw new ConstructError('a list or a map as a key is not supported', offset);
  }
  return value === null ? '' : (numeral ?? String(value));
}

/** `__proto__` is a key like any other. */
export function setOwn(map: YamlMap, key: string, value: YamlValue): void {
  if (key !== '__proto__') map[key] = value;
  else Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}
