import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, OperatorError } from '../../common/errors.ts';

/**
 * Makes a directory that the config file names under `key`, and what is missing above it. Not by `recursive`: Node
 * tries that for ever where the parent is there and yet nothing can be made in it, as in /proc.
 * @throws OperatorError `directory-unusable`
 */
export async function ownDirectory(key: string, path: string): Promise<void> {
  try {
    await make(path);
  } catch (thrown) {
    throw new OperatorError(`${key}: the directory ${path} can't be made: ${messageOf(thrown)}`, {
      code: 'directory-unusable',
      hint: `Correct "${key}" in the config file, or make the directory, for the director to read and write.`,
      details: { key, path },
      cause: thrown,
    });
  }
}

async function make(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined); // what is wrong with it is told by making it
  if (found?.isDirectory() === true) return;
  if (dirname(path) !== path) await make(dirname(path));
  await mkdir(path, { mode: 0o700 });
}
