/** `:prev` and `:next` move from the item that was found; `:before` and `:after` insert beside it instead of replacing it. */
export type Modifier = 'prev' | 'next' | 'before' | 'after';

export type Token =
  | { kind: 'index'; index: number; modifiers: readonly Modifier[] }
  | { kind: 'append' } // `-`
  | { kind: 'match'; key: string; value: string; optional: boolean; modifiers: readonly Modifier[] }
  | { kind: 'key'; key: string; optional: boolean };

export type Pointer = readonly Token[];

/** Why a text is no pointer. */
export class PointerError extends Error {}

const modifiersKnown: readonly Modifier[] = ['prev', 'next', 'before', 'after'];

/**
 * Reads a path like `/instance_groups/name=web/jobs/0:after`. Once one token ends in `?`, what comes after it may be
 * absent too. Source: go-patch, pointer.go.
 * @throws PointerError
 */
export function parsePointer(text: string): Pointer {
  if (text === '') return [];
  if (!text.startsWith('/')) throw new PointerError(`a path starts with "/", and "${text}" doesn't`);
  const parts = text.slice(1).split('/');
  let optional = false;
  return parts.map((part, i): Token => {
    const [raw = '', ...suffixes] = part.split(':');
    const modifiers = suffixes.map(readModifier);
    const name = unescape(raw);
    if (name === '-' && i === parts.length - 1) {
      if (modifiers.length > 0) throw new PointerError(`"-" takes no ":${suffixes[0]}"`);
      return { kind: 'append' };
    }
    if (/^[-+]?\d+$/.test(name)) return { kind: 'index', index: Number(name), modifiers };
    if (name.endsWith('?')) optional = true;
    const equals = name.indexOf('=');
    if (equals !== -1) {
      const value = name.slice(equals + 1).replace(/\?$/, '');
      return { kind: 'match', key: name.slice(0, equals), value, optional, modifiers };
    }
    if (modifiers.length > 0) throw new PointerError(`"${raw}" is a key, which takes no ":${suffixes[0]}"`);
    return { kind: 'key', key: name.replace(/\?$/, ''), optional };
  });
}

function readModifier(text: string): Modifier {
  const known = modifiersKnown.find((modifier) => modifier === text);
  if (known === undefined) throw new PointerError(`":${text}" is none of :${modifiersKnown.join(' :')}`);
  return known;
}

function unescape(text: string): string {
  return text.replace(/~[017]/g, (escape) => (escape === '~0' ? '~' : escape === '~1' ? '/' : ':'));
}

function escape(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll(':', '~7');
}

export function formatPointer(pointer: Pointer): string {
  let optional = false;
  const mark = (token: { optional: boolean }) => {
    const first = token.optional && !optional;
    optional ||= token.optional;
    return first ? '?' : '';
  };
  return pointer
    .map((token) => {
      switch (token.kind) {
        case 'index':
          return `/${[token.index, ...token.modifiers].join(':')}`;
        case 'append':
          return '/-';
        case 'match':
          return `/${[`${escape(token.key)}=${escape(token.value)}${mark(token)}`, ...token.modifiers].join(':')}`;
        case 'key':
          return `/${escape(token.key)}${mark(token)}`;
      }
    })
    .join('');
}
