import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Cpis } from '../execute/cpis.ts';
import type { Vm } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** What handlers of releases, stemcells and clean-up need besides their task. */
export interface ArtifactDeps {
  blobs: Blobstore;
  cpis: Cpis;
  /** Uploads and downloads wait here; everything in it belongs to a task. */
  spoolDir: string;
  clock: Clock;
  chance: Chance;
  limits: ArtifactLimits;
  compile: CompileForExport;
  deleteInstanceVm: DeleteInstanceVm;
}

export interface ArtifactLimits {
  downloadBytesMax: number;
  /** Of one whole download. */
  downloadMsMax: number;
}

/**
 * Makes sure that these packages of a release are compiled on a stemcell, on machines as the deployment's configs
 * have them. Runs while the task holds the deployment's lock. Packages that are compiled already cost nothing.
 */
export type CompileForExport = (
  wanted: {
    deployment: string;
    release: { name: string; version: string };
    stemcell: { os: string; version: string };
    /** Names, dependencies included. */
    packages: readonly string[];
  },
  task: TaskContext,
) => Promise<void>;

/** Deletes a VM that an instance has, while the task holds its deployment's lock. */
export type DeleteInstanceVm = (vm: Vm, task: TaskContext) => Promise<void>;
