import { opendir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { ActionFailed } from './errors.ts';
import { isAbsent } from './files.ts';

/** Files below a folder, relative to it, whose path matches one of the globs. An absent folder has none. */
export async function globFiles(folder: string, globs: readonly string[], signal: AbortSignal): Promise<string[]> {
  const patterns = globs.map(globPattern);
  const found: string[] = [];
  const root = await realpath(folder).catch((thrown: unknown) => {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  });
  const walk = async (relative: string): Promise<void> => {
    signal.throwIfAborted();
    for await (const entry of await opendir(join(root ?? '', relative))) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if ((entry.isFile() || entry.isSymbolicLink()) && patterns.some((pattern) => pattern.test(path)))
        found.push(path);
      if (found.length > filesMax) {
        throw new ActionFailed(`more than ${filesMax} files match`, {
          code: 'logs-too-many',
          hint: 'Give a narrower filter.',
        });
      }
    }
  };
  if (root !== undefined) await walk('');
  return found.sort();
}

/** `*` and `?` stay within a folder, `**` goes over any number of them, `[a-z]` and `{a,b}` are as in a shell. */
export function globPattern(glob: string): RegExp {
  let source = '';
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const rest = glob.slice(i);
    const set = /^\[[!^]?\]?[^\]]*\]/.exec(rest)?.[0];
    if (rest.startsWith('**/')) {
      source += '(?:[^/]+/)*';
      i += 2;
    } else if (rest.startsWith('**')) {
      source += '.*';
      i += 1;
    } else if (rest.startsWith('*')) source += '[^/]*';
    else if (rest.startsWith('?')) source += '[^/]';
    else if (set !== undefined) {
      source += set.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
      i += set.length - 1;
    } else if (rest.startsWith('{')) {
      source += '(?:';
      depth++;
    } else if (rest.startsWith('}') && depth > 0) {
      source += ')';
      depth--;
    } else if (rest.startsWith(',') && depth > 0) source += '|';
    else source += rest.charAt(0).replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`);
}

const filesMax = 100_000;
