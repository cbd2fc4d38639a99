import type { ManifestFault } from './fault.ts';
import { isMap, type YamlMap, type YamlValue } from './value.ts';
import { setOwn } from './yaml/construct.ts';
import { copyNumerals } from './yaml/numerals.ts';
import type { YamlPath } from './yaml/lines.ts';

/*
 * The director's rules for `((placeholders))`, which are not the CLI's: other characters, absolute names, subtrees
 * that wait for a VM. Finding and filling in are apart, since a config server is asked between them.
 * Source: config_server_helper.rb, deep_hash_replacement.rb, variables_interpolator.rb.
 */

const codes = { badName: 540004, badPlacement: 540007, noSuchPart: 540001 } as const;

export interface DirectorPlaceholder {
  /** As it stands in the document: `((name.key))`. */
  text: string;
  /** The variable's full name: `/director/deployment/name`. */
  variable: string;
  /** What of its value is asked for. */
  keys: readonly string[];
  path: YamlPath;
  /** The key at the end of the path is the placeholder, not its value. */
  isKey: boolean;
}

export interface PlaceholderRules {
  /** Before a relative name: `/director/deployment`. Null: only absolute names are allowed. */
  prefix: string | null;
  /** Paths that are left alone; null stands for any step. */
  ignore?: readonly (readonly (string | null)[])[];
}

/** Every value of a document that stays uninterpolated until its VM is made or its template rendered. */
export const lateSubtrees: Readonly<
  Record<'manifest' | 'runtime' | 'cloud' | 'cpi', NonNullable<PlaceholderRules['ignore']>>
> = {
  manifest: [
    ['properties'],
    ['instance_groups', null, 'properties'],
    ['instance_groups', null, 'jobs', null, 'properties'],
    ['instance_groups', null, 'jobs', null, 'consumes', null, 'properties'],
    ['instance_groups', null, 'env'],
    ['addons', null, 'properties'],
    ['addons', null, 'jobs', null, 'properties'],
    ['addons', null, 'jobs', null, 'consumes', null, 'properties'],
  ],
  runtime: [
    ['addons', null, 'properties'],
    ['addons', null, 'jobs', null, 'properties'],
    ['addons', null, 'jobs', null, 'consumes', null, 'properties'],
  ],
  cloud: [
    ['azs', null, 'cloud_properties', null],
    ['networks', null, 'cloud_properties', null],
    ['networks', null, 'subnets', null, 'cloud_properties', null],
    ['vm_types', null, 'cloud_properties', null],
    ['vm_extensions', null, 'cloud_properties', null],
    ['disk_types', null, 'cloud_properties', null],
    ['compilation', 'cloud_properties', null],
  ],
  cpi: [['name'], ['type']],
};

/** The placeholders of a value, and the faults of those that can't be one. */
export function findPlaceholders(
  value: YamlValue,
  rules: PlaceholderRules,
): { placeholders: DirectorPlaceholder[]; faults: ManifestFault[] } {
  const placeholders: DirectorPlaceholder[] = [];
  const faults: ManifestFault[] = [];
  const note = (text: string, path: YamlPath, isKey: boolean) => {
    const read = readPlaceholder(text, rules.prefix);
    if (typeof read !== 'string') placeholders.push({ text, ...read, path, isKey });
    else faults.push({ path: path.join('.'), message: `${text}: ${read}`, boshCode: codes.badName });
  };
  walk(value, [], rules.ignore ?? [], note);
  return { placeholders, faults };
}

function walk(
  value: YamlValue,
  path: YamlPath,
  ignore: NonNullable<PlaceholderRules['ignore']>,
  note: (text: string, path: YamlPath, isKey: boolean) => void,
): void {
  if (
    ignore.some(
      (subtree) => subtree.length <= path.length && subtree.every((step, i) => step === null || step === path[i]),
    )
  )
    return;
  if (typeof value === 'string') for (const [text] of value.matchAll(/\(\(.*?\)\)/g)) note(text, path, false);
  else if (Array.isArray(value)) value.forEach((item, i) => walk(item, [...path, i], ignore, note));
  else if (isMap(value)) {
    for (const [key, item] of Object.entries(value)) {
      walk(item, [...path, key], ignore, note);
      if (isWhole(key)) note(key, [...path, key], true);
    }
  }
}

/** A text that is one placeholder and no more. */
export function isWhole(text: string): boolean {
  return /^\(\([^(]*\)\)$/.test(text);
}

/** The name in a placeholder, or what is wrong with it. */
export function readPlaceholder(
  text: string,
  prefix: string | null,
): { variable: string; keys: readonly string[] } | string {
  const written = text.replace(/^\(\(|\)\)$/g, '');
  const wrong = nameFault(written);
  if (wrong !== undefined) return wrong;
  const name = written.replace(/^!/, '');
  const slash = name.lastIndexOf('/');
  const [last = '', ...keys] = name.slice(slash + 1).split('.');
  const variable = name.slice(0, slash + 1) + last;
  if (variable.startsWith('/')) return { variable, keys };
  if (prefix === null) return 'only an absolute name is allowed here, one that begins with "/"';
  return { variable: `${prefix}/${variable}`, keys };
}

function nameFault(name: string): string | undefined {
  if (!/^[a-zA-Z0-9_\-.!/]+$/.test(name)) return 'a name has only letters, digits and - _ . /';
  if (name.endsWith('/')) return 'a name can\'t end in "/"';
  if (name.includes('//')) return 'a name can\'t have "//" in it';
  const slash = name.lastIndexOf('/');
  if (name.slice(0, slash + 1).includes('.')) return 'dots are for after the last "/"';
  const last = name.slice(slash + 1);
  if (last.startsWith('.') || last.endsWith('.') || last.includes('..')) return 'dots stand between keys';
  if (name.lastIndexOf('!') > 0 || name === '!') return '"!" can only be the first character';
  return undefined;
}

/** What is wrong with the name of an entry of `variables:`, where neither dots nor `!` may be. */
export function variableNameFault(name: string): string | undefined {
  if (!/^[a-zA-Z0-9_\-/]+$/.test(name)) return 'a name has only letters, digits and - _ /';
  if (name.endsWith('/')) return 'a name can\'t end in "/"';
  return name.includes('//') ? 'a name can\'t have "//" in it' : undefined;
}

/**
 * A copy with the placeholders that were found replaced. A whole text takes the value as it is; inside of a text
 * only texts and whole numbers can be put. Values are not looked through again.
 * @param values by variable name: one for each placeholder
 */
export function fillIn(
  value: YamlValue,
  placeholders: readonly DirectorPlaceholder[],
  values: ReadonlyMap<string, YamlValue>,
): { value: YamlValue; faults: ManifestFault[] } {
  const faults: ManifestFault[] = [];
  const byPlace = new Map<string, Map<string, YamlValue>>();
  for (const { text, variable, keys, path, isKey } of placeholders) {
    const part = partAt(values.get(variable), keys);
    if (part === undefined) {
      const message = `${text}: the variable has no "${keys.join('.')}"`;
      faults.push({ path: path.join('.'), message, boshCode: codes.noSuchPart });
      continue;
    }
    const place = placeOf(path, isKey);
    const here = byPlace.get(place) ?? new Map<string, YamlValue>();
    byPlace.set(place, here.set(text, part));
  }
  return { value: fill(value, [], byPlace, faults), faults };
}

function placeOf(path: YamlPath, isKey: boolean): string {
  return JSON.stringify([isKey, ...path]);
}

function partAt(value: YamlValue | undefined, keys: readonly string[]): YamlValue | undefined {
  let at = value;
  for (const key of keys) at = isMap(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

function fill(
  value: YamlValue,
  path: YamlPath,
  byPlace: ReadonlyMap<string, ReadonlyMap<string, YamlValue>>,
  faults: ManifestFault[],
): YamlValue {
  if (typeof value === 'string') {
    const here = value.includes('((') ? byPlace.get(placeOf(path, false)) : undefined;
    return here === undefined ? value : fillText(value, here, path, faults);
  }
  if (Array.isArray(value)) {
    const list = value.map((item, i) => fill(item, [...path, i], byPlace, faults));
    copyNumerals(value, list);
    return list;
  }
  if (!isMap(value)) return value;
  const map: YamlMap = {};
  for (const [key, item] of Object.entries(value)) {
    const here = isWhole(key) ? byPlace.get(placeOf([...path, key], true)) : undefined;
    const filledKey = here === undefined ? key : fillText(key, here, [...path, key], faults);
    if (filledKey !== null && typeof filledKey === 'object') {
      faults.push({
        path: path.join('.'),
        message: `${key} is a key, and its value is a map or a list`,
        boshCode: codes.badPlacement,
      });
    } else setOwn(map, String(filledKey), fill(item, [...path, key], byPlace, faults));
  }
  copyNumerals(value, map);
  return map;
}

function fillText(
  text: string,
  values: ReadonlyMap<string, YamlValue>,
  path: YamlPath,
  faults: ManifestFault[],
): YamlValue {
  const whole = values.get(text);
  if (whole !== undefined) return whole;
  return text.replace(/\(\(.*?\)\)/g, (placeholder) => {
    const value = values.get(placeholder);
    if (value === undefined) return placeholder;
    if (typeof value === 'string') return value;
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) return value.toString();
    faults.push({
      path: path.join('.'),
      message: `${placeholder} stands inside of a text, where only texts and whole numbers can be put`,
      boshCode: codes.badPlacement,
    });
    return placeholder;
  });
}
