import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Globs as package specs use them: `*`, `?`, `[a-z]`, `[^a]`, `{a,b}`, `\` to quote, and `**` for directories at any
 * depth (as the last part of a pattern for everything below). Names that begin with a dot are names like any other.
 * Source: the doublestar library of bosh-cli, version 1, of which every release in the wild depends.
 */
export interface GlobMatch {
  /** Absolute. */
  readonly path: string;
  readonly relativePath: string;
}

/** Matches below `root`, in no order that means anything; links to directories are followed, unless they lead in a circle. */
export async function glob(root: string, pattern: string): Promise<GlobMatch[]> {
  const found = new Map<string, GlobMatch>();
  for (const each of expandBraces(pattern)) {
    const parts = each.split('/').filter((part) => part !== '' && part !== '.');
    await walk({ root, below: '', parts, ancestors: [] }, (relativePath) => {
      found.set(relativePath, { path: join(root, relativePath), relativePath });
    });
  }
  return [...found.values()];
}

interface Place {
  readonly root: string;
  readonly below: string;
  readonly parts: readonly string[];
  /** Real paths of the directories that `**` came through: one of them again is a circle. */
  readonly ancestors: readonly string[];
}

async function walk(place: Place, found: (relativePath: string) => void): Promise<void> {
  const [part, ...rest] = place.parts;
  if (part === undefined) return;
  const names = await namesIn(join(place.root, place.below));
  if (names === undefined) return;
  if (part === '**') {
    const here = await realpath(join(place.root, place.below));
    if (place.ancestors.includes(here)) return;
    const ancestors = [...place.ancestors, here];
    for (const name of names) {
      const below = join(place.below, name);
      const directory = await isDirectory(join(place.root, below));
      if (rest.length === 0) found(below);
      if (directory) await walk({ ...place, below, ancestors }, found);
    }
    return walk({ ...place, parts: rest }, found);
  }
  const matches = matcherOf(part);
  for (const name of names) {
    if (!matches.test(name)) continue;
    const below = join(place.below, name);
    if (rest.length === 0) found(below);
    else await walk({ ...place, below, parts: rest, ancestors: [] }, found);
  }
}

async function namesIn(dir: string): Promise<string[] | undefined> {
  return readdir(dir).catch(() => undefined);
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** `{a,b{c,d}}` as all that it stands for. */
export function expandBraces(pattern: string): string[] {
  const open = findUnquoted(pattern, '{', 0);
  if (open === -1) return [pattern];
  const ends: number[] = [];
  let depth = 0;
  let at = open;
  for (; at < pattern.length; at++) {
    const letter = pattern[at];
    if (letter === '\\') at++;
    else if (letter === '{') depth++;
    else if (letter === '}' && --depth === 0) break;
    else if (letter === ',' && depth === 1) ends.push(at);
  }
  if (at >= pattern.length) return [pattern]; // never closed: a brace like any letter
  const starts = [open, ...ends];
  const options = starts.map((start, index) => pattern.slice(start + 1, ends[index] ?? at));
  return options.flatMap((option) => expandBraces(pattern.slice(0, open) + option + pattern.slice(at + 1)));
}

function findUnquoted(pattern: string, letter: string, from: number): number {
  for (let at = from; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern[at] === letter) return at;
  }
  return -1;
}

/** One part of a pattern, between slashes. */
function matcherOf(part: string): RegExp {
  let source = '';
  for (let at = 0; at < part.length; at++) {
    const letter = part[at] ?? '';
    const close = letter === '[' ? findUnquoted(part, ']', at + 1) : -1;
    if (letter === '*') source += '[^/]*';
    else if (letter === '?') source += '[^/]';
    else if (letter === '\\') source += quoted(part[++at] ?? '');
    else if (close > at + 1) {
      const set = part.slice(at + 1, close);
      source += set.startsWith('^') ? `[^${setOf(set.slice(1))}]` : `[${setOf(set)}]`;
      at = close;
    } else source += quoted(letter);
  }
  return new RegExp(`^${source}$`, 'su');
}

const quoted = (letter: string) => letter.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
const setOf = (set: string) => set.replace(/[[\]^]/g, '\\$&');
