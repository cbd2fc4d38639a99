import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a file as a whole: after a crash it is the old one or the new one. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.new`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, mode); // the umask took some away
  await rename(temporary, path);
}

/** The same of a symbolic link. */
export async function linkWhole(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.new`;
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** Undefined: there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return orAbsent(readFile(path, 'utf8'));
}

/** Undefined in place of "no such file or directory". Any other failure is thrown. */
export async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

export function isAbsent(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** `ENOENT` and its like; undefined for what is no system error. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
