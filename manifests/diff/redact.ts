import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { setOwn } from '../yaml/construct.ts';
import { copyNumerals } from '../yaml/numerals.ts';

const redacted = '<redacted>';

/**
 * A copy in which every leaf below a map called `properties` or `bosh` is hidden, and so are user and password in
 * the URLs of releases. Source: redactor.rb, whose blind spots this shares: clients compare the lines.
 */
export function redactSecrets(document: YamlMap): YamlMap {
  const copy = redactKnown(document);
  return isMap(copy) ? redactReleaseUrls(copy) : {};
}

function redactKnown(value: YamlValue): YamlValue {
  if (Array.isArray(value)) {
    // Of a list in a list BOSH looks at the last item alone.
    return kept(
      value,
      value.map((item) => (Array.isArray(item) ? redactLast(item) : redactKnown(item))),
    );
  }
  if (!isMap(value)) return value;
  return mapValues(value, (item, key) =>
    (key === 'properties' || key === 'bosh') && isMap(item) ? redactLeaves(item) : redactKnown(item),
  );
}

function redactLast(list: readonly YamlValue[]): YamlValue[] {
  return list.map((item, i) => (i === list.length - 1 ? redactKnown(item) : item));
}

function redactLeaves(value: YamlValue): YamlValue {
  if (Array.isArray(value)) return value.map(redactLeaves);
  return isMap(value) ? mapValues(value, redactLeaves) : redacted;
}

function mapValues(map: YamlMap, change: (value: YamlValue, key: string) => YamlValue): YamlMap {
  const copy: YamlMap = {};
  for (const [key, value] of Object.entries(map)) setOwn(copy, key, change(value, key));
  return kept(map, copy);
}

function kept<T extends YamlMap | YamlValue[]>(from: T, to: T): T {
  copyNumerals(from, to);
  return to;
}

function redactReleaseUrls(document: YamlMap): YamlMap {
  const releases = document['releases'];
  if (!Array.isArray(releases)) return document;
  const copies = releases.map((release) => {
    const url = isMap(release) ? release['url'] : null;
    return isMap(release) && typeof url === 'string' ? kept(release, { ...release, url: redactUrl(url) }) : release;
  });
  return kept(document, { ...document, releases: copies });
}

/** `https://user:password@host` without either. */
export function redactUrl(url: string): string {
  const [, userInfo] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#@\s]*)@/i.exec(url) ?? [];
  if (userInfo === undefined) return url;
  const [user = '', ...password] = userInfo.split(':');
  const hide = (text: string, secret: string) => (secret === '' ? text : text.replace(secret, () => redacted));
  return hide(hide(url, user), password.join(':'));
}
