import { parseReleaseManifest } from '../../releases/release-manifest.ts';
import type { TaskHandler } from '../tasks/task-context.ts';
import type { UpdateReleaseArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { releaseLock, releaseLockWaitMs } from './locks.ts';
import { releaseManifestText } from './release/read-manifest.ts';
import { ReleaseUpload } from './release/upload.ts';
import { withArtifact } from './spool.ts';

/** `bosh upload-release`: from a tarball or a URL, source or compiled, whole or without what is here already. */
export function updateRelease(deps: ArtifactDeps): TaskHandler {
  return (task) => {
    const { source, rebase, fix } = task.task.args as UpdateReleaseArgs; // the API has checked it
    const stageFor = (name: string) => task.events.stage(name, 1);
    return withArtifact({ source, what: 'release', stageFor }, deps, task, async (file) => {
      const single = <T>(name: string, work: () => Promise<T>) => stageFor(name).task(name, work);
      const text = await single('Extracting release', () => releaseManifestText(file.path));
      const manifest = await single('Verifying manifest', async () => parseReleaseManifest(text));
      const version = await task.withLock(releaseLock(manifest.name), releaseLockWaitMs, () =>
        new ReleaseUpload(deps.blobs, task, { manifest, file, rebase, fix }).run(),
      );
      return `Created release '${manifest.name}/${version}'`;
    });
  };
}
