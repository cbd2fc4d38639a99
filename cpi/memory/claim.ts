import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../common/errors.ts';
import { identify, isAlive, type ProcessIdentity } from '../process-identity.ts';

/**
 * Makes this process the only one that uses a state directory; a claim of a process that has ended counts for nothing.
 * @returns gives it back
 * @throws OperatorError `memory-infrastructure-in-use`
 */
export async function claimDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'owner.json');
  const claim = JSON.stringify(identify(process.pid));
  for (let tries = 0; tries < 2; tries++) {
    try {
      await writeFile(path, claim, { flag: 'wx', mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    }
    const owner = await readOwner(path);
    if (owner !== undefined && isAlive(owner)) throw inUse(directory, owner);
    await rm(path, { force: true });
  }
  throw inUse(directory, undefined); // someone else was quicker, twice
}

async function readOwner(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity; // written above
  } catch {
    return undefined; // gone again, or cut by a kill: nobody's
  }
}

function inUse(directory: string, owner: ProcessIdentity | undefined): OperatorError {
  const by = owner === undefined ? 'another process' : `process ${owner.pid}`;
  return new OperatorError(`the memory infrastructure in ${directory} is in use by ${by}`, {
    code: 'memory-infrastructure-in-use',
    hint: 'One director at a time can use it. Stop the other one, or give this one another state directory.',
    details: { directory, pid: owner?.pid ?? null },
  });
}
