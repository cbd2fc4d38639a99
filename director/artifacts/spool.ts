import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { algorithmFor, checkDigest, DigestStream } from '../../common/digest.ts';
import { OperatorError } from '../../common/errors.ts';
import type { TaskId } from '../../common/ids.ts';
import type { Tasks } from '../store/tasks.ts';
import type { Stage, TaskContext } from '../tasks/task-context.ts';
import { TaskCancelled } from '../tasks/task-errors.ts';
import type { ArtifactSource } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { fetchTo } from './fetch.ts';

/** Where one task keeps what it unpacks; gone with its end, whatever that is. */
export const workDirOf = (spoolDir: string, task: TaskId) => join(spoolDir, `task-${task}`);

const missingUpload = 'The upload is gone: the director was restarted and has tidied up, or another director took it';

export interface ArtifactFile {
  path: string;
  /** A directory of the task's own. */
  workDir: string;
}

/**
 * Has the artifact as a local file, its digest checked, while `use` runs. Afterwards everything of it is removed, but
 * for the upload when the director merely stops: the task goes on with it after the next start.
 */
export async function withArtifact<T>(
  {
    source,
    what,
    stageFor,
  }: { source: ArtifactSource; what: 'release' | 'stemcell'; stageFor: (name: string) => Stage },
  { spoolDir, limits }: Pick<ArtifactDeps, 'spoolDir' | 'limits'>,
  task: TaskContext,
  use: (file: ArtifactFile) => Promise<T>,
): Promise<T> {
  const workDir = workDirOf(spoolDir, task.task.id);
  await rm(workDir, { recursive: true, force: true }); // of an attempt that was killed
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const path = source.kind === 'spooled' ? source.path : join(workDir, 'download');
  try {
    const result = await use({ path: await ready(), workDir });
    await removeUpload();
    return result;
  } catch (thrown) {
    if (isFinal(task, thrown)) await removeUpload();
    throw thrown;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }

  async function ready(): Promise<string> {
    if (source.kind === 'remote') {
      const { downloadBytesMax: bytesMax, downloadMsMax: msMax } = limits;
      const name = `Downloading remote ${what}`;
      await stageFor(name).task(name, () =>
        fetchTo(path, source.location, { what, bytesMax, msMax, signal: task.signal }),
      );
    } else if (!(await exists(path))) {
      throw new OperatorError(missingUpload, { code: 'upload-gone', hint: 'Upload it again.', details: { path } });
    }
    const { digest } = source;
    if (digest !== null) {
      const name = `Verifying remote ${what}`;
      await stageFor(name).task(name, () => verifyFile(path, digest, what));
    }
    return path;
  }

  async function removeUpload(): Promise<void> {
    if (source.kind === 'spooled') await rm(path, { force: true });
  }
}

/** Whether nobody will come back to this task: it failed or was cancelled, and was neither lost nor given back. */
export function isFinal(task: TaskContext, thrown: unknown): boolean {
  if (task.signal.aborted) return task.signal.reason instanceof TaskCancelled;
  return !(thrown instanceof OperatorError && thrown.code === 'lease-lost');
}

async function verifyFile(path: string, digest: string, what: 'release' | 'stemcell'): Promise<void> {
  const algorithm = algorithmFor(digest);
  const hash = new DigestStream([algorithm]);
  await pipeline(createReadStream(path), hash, new PassThrough().resume());
  try {
    checkDigest(`the ${what}`, digest, hash.hex(algorithm));
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    throw new OperatorError(thrown.message, {
      code: `${what}-digest-mismatch`,
      hint: 'The file was damaged on its way, or another one is meant.',
      details: thrown.details,
      cause: thrown,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Uploads under way have no task yet. */
const uploadAgeMsMin = 24 * 60 * 60_000;

/**
 * Removes what no task will come back to. At start, before the API listens: everything that no waiting or running task
 * names. Later (`uploadsMayRun`): only what is older than any upload can take.
 * @returns how many files and directories
 */
export async function tidySpool(
  spoolDir: string,
  tasks: Pick<Tasks, 'list'>,
  { uploadsMayRun, nowMs }: { uploadsMayRun: boolean; nowMs: number },
): Promise<number> {
  const open = await tasks.list({ states: ['queued', 'processing', 'cancelling'] });
  const wanted = new Set(open.flatMap(({ id, args }) => [workDirOf(spoolDir, id), ...uploadOf(args)]));
  const names = await readdir(spoolDir).catch(() => []); // no upload yet: no directory
  let removed = 0;
  for (const name of names) {
    const path = join(spoolDir, name);
    if (wanted.has(path)) continue;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || (uploadsMayRun && nowMs - found.mtimeMs < uploadAgeMsMin)) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

function uploadOf(args: unknown): string[] {
  const { source } = (args ?? {}) as { source?: Partial<ArtifactSource> }; // a task's arguments; other types have others
  return source?.kind === 'spooled' && typeof source.path === 'string' ? [source.path] : [];
}
