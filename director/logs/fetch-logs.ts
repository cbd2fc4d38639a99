import { packArchive, type PackEntry } from '../../common/archive-pack.ts';
import type { BlobId, InstanceId } from '../../common/ids.ts';
import type { FetchLogsArgs } from '../api/deploy-args.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { activeVm } from '../plan/actual.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { vmMissing } from '../observe/vm-missing.ts';
import { packInstanceLogs, type LogsDeps } from './instance-logs.ts';
import { deleteOldBundles } from './old-bundles.ts';

interface Packed {
  path: string;
  blobId: BlobId;
}

/** `bosh logs`. The task's result is the blob: of one instance as its agent has packed it, of several a tgz of theirs. */
export function fetchLogs(deps: LogsDeps): TaskHandler {
  return async (task) => {
    const { deployment, instanceIds, type, filters } = task.task.args as FetchLogsArgs; // the API has checked it
    const { blobs, clock } = deps;
    task.debug(`deleted ${await deleteOldBundles(task.store, blobs, clock)} old bundles of logs`);
    const machines = await machinesOf(task, deployment, instanceIds);
    const [only, ...others] = machines;
    const blobId =
      only !== undefined && others.length === 0
        ? (await packInstanceLogs(only, { type, filters }, deps, task)).blobId
        : await packTogether(machines, { type, filters }, deps, task);
    await task.store.logBundles.register(blobId, clock.now());
    return blobId;
  };
}

async function machinesOf(
  { store }: TaskContext,
  deployment: string,
  ids: readonly string[],
): Promise<Array<{ instance: Instance; vm: Vm }>> {
  const wanted = new Set<InstanceId | string>(ids);
  const instances = (await store.instances.ofDeployment(deployment)).filter((each) => wanted.has(each.id));
  return instances.map((instance) => {
    const vm = activeVm(instance);
    if (vm === null) throw vmMissing(instance);
    return { instance, vm };
  });
}

/** Streamed: nothing of it is held in memory, or on the disk twice but by the blobstore. */
async function packTogether(
  machines: ReadonlyArray<{ instance: Instance; vm: Vm }>,
  wish: { type: string; filters: readonly string[] },
  deps: LogsDeps,
  task: TaskContext,
): Promise<BlobId> {
  const { blobs, clock, vmsAtOnceMax } = deps;
  const packed: Packed[] = [];
  try {
    await inParallel(machines, vmsAtOnceMax, async (machine) => {
      const { blobId } = await packInstanceLogs(machine, wish, deps, task);
      const { group, id } = machine.instance;
      packed.push({ path: `${group}.${id}.${fileTime(clock.now())}.tgz`, blobId });
    });
    const stage = task.events.stage('Fetching group of logs', 1);
    return await stage.task('Packing log files together', async () => {
      task.checkpoint();
      // Already compressed: more effort would make it smaller by nothing.
      const bundle = packArchive(entriesOf(packed, deps), { prefix: './', level: 1 });
      return (await blobs.put(bundle)).blobId;
    });
  } finally {
    for (const { blobId } of packed) await blobs.delete(blobId);
  }
}

async function* entriesOf(packed: readonly Packed[], { blobs, clock }: LogsDeps): AsyncGenerator<PackEntry> {
  const mtimeS = Math.floor(clock.now() / 1000);
  for (const { path, blobId } of packed) {
    const size = (await blobs.size(blobId)) ?? 0; // gone meanwhile: `get` tells
    yield { path, type: 'file', mode: 0o644, mtimeS, size, body: () => blobs.get(blobId) };
  }
}

/** `2026-01-31-12-00-00`. */
function fileTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[T:]/g, '-');
}
