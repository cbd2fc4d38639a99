import { rm } from 'node:fs/promises';
import { messageOf } from '../../common/errors.ts';
import { ActionFailed } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { tailOf } from '../tail.ts';

/** Unpacks an archive, compressed in whatever way tar knows, into a folder. Owners become the agent's own user. */
export async function unpack(machine: Machine, archive: string, folder: string, signal: AbortSignal): Promise<void> {
  await tar(machine, ['--no-same-owner', '-xf', archive, '-C', folder], signal);
}

/** All that is in a folder, under `./`, as BOSH's packages are. */
export async function pack(machine: Machine, folder: string, archive: string, signal: AbortSignal): Promise<void> {
  await tar(machine, ['-czf', archive, '-C', folder, '.'], signal);
}

/**
 * The system's tar: it takes links, owners and every compression as packaging scripts expect, in a process of its
 * own, so that a package of a gigabyte costs this one nothing.
 * @param accepts exit codes that are no failure
 */
export async function tar(
  machine: Machine,
  args: readonly string[],
  signal: AbortSignal,
  accepts: readonly number[] = [0],
): Promise<void> {
  const errors = `${machine.platform.paths.temporary}/tar-${machine.chance.uuid()}`;
  try {
    const { exitCode } = await machine.platform.run('tar', {
      args,
      env: { PATH: machine.platform.searchPath, LC_ALL: 'C.UTF-8' },
      stderr: errors,
      signal,
    });
    if (exitCode !== null && accepts.includes(exitCode)) return;
    const said = await tailOf(errors);
    throw new ActionFailed(`tar ended with ${exitCode ?? 'a signal'}: ${said}`, { code: 'archive-damaged' });
  } finally {
    await rm(errors, { force: true });
  }
}

/** Fetches a blob for the time of some work with it. */
export async function withBlob<T>(
  machine: Machine,
  { what, blobId, digest }: { what: string; blobId: string; digest: string },
  signal: AbortSignal,
  work: (path: string) => Promise<T>,
): Promise<T> {
  let path: string;
  try {
    path = await machine.blobs().get(blobId, digest, signal);
  } catch (thrown) {
    throw new ActionFailed(`${what}: ${messageOf(thrown)}`, { code: 'blob-unavailable', cause: thrown });
  }
  try {
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}
