import { EVENT_ID, getScalarValue, parseEvents, type Event } from 'js-yaml';

/** A way into a document: keys of maps, indexes of lists. */
export type YamlPath = readonly (string | number)[];

interface Place {
  offset: number;
  children?: Map<string | number, Place>;
}

/**
 * Where in the text each path is. Made from the events a second time and only when someone asks, since almost no
 * document is at fault, and parsing takes no longer for those that aren't.
 */
export class LineIndex {
  readonly #text: string;
  readonly #own: string;
  #root: Place | undefined;
  #lineStarts: number[] | undefined;

  /** @param text as the parser took it @param own as its author wrote it: other white space, the same offsets */
  constructor(text: string, own = text) {
    this.#text = text;
    this.#own = own;
  }

  /** From 1. Of the nearest thing above, where the path itself isn't in the document. */
  lineOf(path: YamlPath): number {
    this.#root ??= placesOf(this.#text);
    let place = this.#root;
    for (const step of path) {
      const next = place.children?.get(step);
      if (next === undefined) break;
      place = next;
    }
    return this.lineAt(place.offset);
  }

  /** From 1. */
  lineAt(offset: number): number {
    this.#lineStarts ??= lineStartsOf(this.#own);
    let low = 0;
    let high = this.#lineStarts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(1, low);
  }
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function placesOf(text: string): Place {
  const events = parseEvents(text, {}); // has parsed before: it can't fail now
  const anchors = new Map<string, Place>();
  let at = events.findIndex((event) => event.type === EVENT_ID.DOCUMENT) + 1;
  const root = { offset: 0 };
  const next = events[at];
  return next === undefined || next.type === EVENT_ID.POP ? root : read();

  function read(): Place {
    const event = events[at++];
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return root;
    if (event.type === EVENT_ID.ALIAS) {
      // What it stands for is found by its own lines; the alias itself is where it was written.
      const target = anchors.get(text.slice(event.anchorStart, event.anchorEnd));
      return { offset: event.anchorStart, ...(target?.children === undefined ? {} : { children: target.children }) };
    }
    const place = place_(event);
    if (event.anchorStart >= 0) anchors.set(text.slice(event.anchorStart, event.anchorEnd), place);
    return place;
  }

  function place_(event: Exclude<Event, { type: 1 | 5 | 6 }>): Place {
    if (event.type === EVENT_ID.SCALAR) return { offset: Math.max(event.valueStart, 0) };
    const children = new Map<string | number, Place>();
    const place = { offset: event.start, children };
    for (let index = 0; events[at]?.type !== EVENT_ID.POP && at < events.length; index++) {
      if (event.type === EVENT_ID.SEQUENCE) children.set(index, read());
      else readEntry(children);
    }
    at++;
    return place;
  }

  function readEntry(children: Map<string | number, Place>): void {
    const keyEvent = events[at];
    const key = read();
    const value = read();
    const name = keyEvent?.type === EVENT_ID.SCALAR ? getScalarValue(text, keyEvent) : '';
    if (name === '<<') for (const [merged, place] of value.children ?? []) children.set(merged, place);
    else children.set(name, { ...value, offset: key.offset }); // the line of its key, where a reader looks for it
  }
}
