import { equal, fingerprint } from './diff/equal.ts';
import { orderSections, type DiffLine, type DiffStatus } from './diff/order.ts';
import { redactSecrets } from './diff/redact.ts';
import { isMap, type YamlMap, type YamlValue } from './value.ts';
import { emit } from './yaml/emit.ts';
import { psychStyle } from './yaml/emit-scalar.ts';
import { numeralOf, rememberNumeral } from './yaml/numerals.ts';

/**
 * What changes between two documents, as lines with their status; the same lines, in the same order, as a BOSH
 * director answers. Values are compared as they are and shown redacted, so that a changed secret shows as a change.
 * Source: changeset.rb.
 */
export function diffDocuments(
  before: YamlMap,
  after: YamlMap,
  { redact }: { redact: boolean },
): [text: string, status: DiffStatus][] {
  const shown = redact ? { before: redactSecrets(before), after: redactSecrets(after) } : { before, after };
  return orderSections(diffMaps({ before, after, shown }, 0)).map(({ indent, text, status }) => [
    `${'  '.repeat(indent)}${text}`,
    status,
  ]);
}

/** Two values, and what may be shown of them. */
interface Pair<T> {
  before: T;
  after: T;
  shown: { before: T; after: T };
}

function diffMaps({ before, after, shown }: Pair<YamlMap>, indent: number): DiffLine[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const [old, now] = [before[key] ?? null, after[key] ?? null];
    if (equal(old, now)) return [];
    const removed = () => yamlLines(only(shown.before, key), indent, 'removed');
    const added = () => yamlLines(only(shown.after, key), indent, 'added');
    if (old === null) return added();
    if (now === null) return removed();
    const [shownOld, shownNow] = [shown.before[key] ?? null, shown.after[key] ?? null];
    if (Array.isArray(old) && Array.isArray(now) && Array.isArray(shownOld) && Array.isArray(shownNow)) {
      const pair = { before: old, after: now, shown: { before: shownOld, after: shownNow } };
      return under(key, indent, diffLists(pair, indent));
    }
    if (isMap(old) && isMap(now) && isMap(shownOld) && isMap(shownNow)) {
      const pair = { before: old, after: now, shown: { before: shownOld, after: shownNow } };
      return under(key, indent, diffMaps(pair, indent + 1));
    }
    return [...removed(), ...added()];
  });
}

function under(key: string, indent: number, lines: DiffLine[]): DiffLine[] {
  return lines.length === 0 ? [] : [{ indent, text: `${key}:`, status: null }, ...lines];
}

interface Item {
  value: YamlValue;
  /** What may be shown, alone in a list, so that its numerals come along. */
  shown: YamlValue[];
  print: string;
}

/**
 * Items that are in one list only, whatever their places. When all of them are maps with a name (or a range), those
 * of the same name are compared inside.
 */
function diffLists({ before, after, shown }: Pair<YamlValue[]>, indent: number): DiffLine[] {
  const old = itemsOf(before, shown.before);
  const now = itemsOf(after, shown.after);
  const added = without(now, old);
  let removed = without(old, now);
  const lines: DiffLine[] = [];
  for (const item of added) {
    const key = isMap(item.value) ? pairingKey([...added, ...removed]) : undefined;
    const partner = key === undefined ? undefined : removed.find((one) => namesAlike(one, item, key));
    if (key === undefined || partner === undefined) {
      lines.push(...yamlLines(item.shown, indent, 'added'));
      continue;
    }
    removed = removed.filter(({ print }) => print !== partner.print);
    lines.push(...diffItem(partner, item, key, indent));
  }
  return removed.length === 0 ? lines : [...lines, ...yamlLines(together(removed), indent, 'removed')];
}

function diffItem(before: Item, after: Item, key: string, indent: number): DiffLine[] {
  const [shownBefore, shownAfter] = [before.shown[0], after.shown[0]];
  if (!isMap(before.value) || !isMap(after.value) || !isMap(shownBefore) || !isMap(shownAfter)) return [];
  const pair = { before: before.value, after: after.value, shown: { before: shownBefore, after: shownAfter } };
  const lines = diffMaps(pair, indent + 1);
  return lines.length === 0 ? [] : [...yamlLines([only(shownAfter, key)], indent, null), ...lines];
}

function itemsOf(values: YamlValue[], shown: YamlValue[]): Item[] {
  return values.map((value, i) => {
    const alone = [shown[i] ?? null];
    const numeral = numeralOf(shown, i);
    if (numeral !== undefined) rememberNumeral(alone, 0, numeral);
    return { value, shown: alone, print: fingerprint(value) };
  });
}

/** One list of what may be shown of them: BOSH writes what is removed as one document. */
function together(items: readonly Item[]): YamlValue[] {
  const list = items.map(({ shown }) => shown[0] ?? null);
  for (const [i, { shown }] of items.entries()) {
    const numeral = numeralOf(shown, 0);
    if (numeral !== undefined) rememberNumeral(list, i, numeral);
  }
  return list;
}

function without(items: readonly Item[], others: readonly Item[]): Item[] {
  const prints = new Set(others.map(({ print }) => print));
  return items.filter(({ print }) => !prints.has(print));
}

function pairingKey(items: readonly Item[]): 'name' | 'range' | undefined {
  const present = items.filter(({ value }) => value !== null);
  const all = (key: string) =>
    present.every(
      ({ value }) => isMap(value) && value[key] !== undefined && value[key] !== null && value[key] !== false,
    );
  if (all('name')) return 'name';
  return all('range') ? 'range' : undefined;
}

function namesAlike(a: Item, b: Item, key: string): boolean {
  return isMap(a.value) && isMap(b.value) && equal(a.value[key] ?? null, b.value[key] ?? null);
}

/** The map with this key alone, which the numeral of its value follows. */
function only(map: YamlMap, key: string): YamlMap {
  const alone: YamlMap = { [key]: map[key] ?? null };
  const numeral = numeralOf(map, key);
  if (numeral !== undefined) rememberNumeral(alone, key, numeral);
  return alone;
}

/** Where libyaml folds a line, unless it is told otherwise. */
const foldWidth = 80;

function yamlLines(value: YamlValue, indent: number, status: DiffStatus): DiffLine[] {
  const text = emit(value, { width: foldWidth, styleOf: psychStyle, psych: true });
  return text
    .replace(/\n+$/, '')
    .split('\n')
    .map((line) => ({ indent, text: line, status }));
}
