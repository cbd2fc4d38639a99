import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chance } from '../../common/chance.ts';
import type { LocalUser } from '../auth/local-users.ts';

/** Where the password is that was made at the first start. */
export const adminPasswordFile = 'admin-password';

/** The users of the config file; without any, `admin` with a password that is made once and kept for its owner alone. */
export async function localUsers(
  configured: readonly LocalUser[],
  stateDirectory: string,
  chance: Chance,
): Promise<readonly LocalUser[]> {
  if (configured.length > 0) return configured;
  return [
    {
      name: 'admin',
      password: await keptPassword(join(stateDirectory, adminPasswordFile), chance),
      scopes: ['bosh.admin'],
    },
  ];
}

async function keptPassword(file: string, chance: Chance): Promise<string> {
  try {
    await writeFile(file, `${chance.hex(16)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
  return (await readFile(file, 'utf8')).trim();
}
