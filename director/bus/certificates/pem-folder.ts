import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PemStore } from './kept.ts';

/** Keeps certificates as files `<name>.pem` that only the director's user can read. */
export function pemFolder(path: string): PemStore {
  const fileOf = (name: string) => join(path, `${name}.pem`);
  return {
    load: async (name) => {
      try {
        return await readFile(fileOf(name), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    save: async (name, pem) => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const unfinished = `${fileOf(name)}.new`;
      await writeFile(unfinished, pem, { mode: 0o600, flush: true });
      await rename(unfinished, fileOf(name));
    },
  };
}
