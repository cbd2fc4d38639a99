import type { Clock } from '../../common/clock.ts';
import { id, type BlobId } from '../../common/ids.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Agents } from '../bus/agents.ts';
import { instanceLabel, instanceTitle } from '../plan/actual.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import { invalidBlobOfLogs, noBlobOfLogs } from './errors.ts';

export interface LogsDeps {
  agents: Agents;
  blobs: Blobstore;
  clock: Clock;
  /** Agents that pack at a time. */
  vmsAtOnceMax: number;
}

/** `job`, `agent`, `system`, or several joined with commas; globs, none: all. */
export interface LogsWish {
  type: string;
  filters: readonly string[] | null;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Has the agent pack logs into a blob. What becomes of that is for the caller. */
export async function packInstanceLogs(
  { instance, vm }: { instance: Instance; vm: Vm },
  { type, filters }: LogsWish,
  { agents }: Pick<LogsDeps, 'agents'>,
  { events, signal }: Pick<TaskContext, 'events' | 'signal'>,
): Promise<{ blobId: BlobId; digest: string }> {
  const label = instanceLabel(instance);
  const stage = events.stage(`Fetching logs for ${instanceTitle(instance)}`, 1);
  return stage.task('Finding and packing log files', async () => {
    const packed = await agents.call(vm.agentId, 'fetch_logs', [type, filters === null ? null : [...filters]], {
      label,
      signal,
    });
    const { blobstore_id: blobId, sha1: digest } = packed as Partial<typeof packed>; // it comes from a machine
    if (typeof blobId !== 'string') throw noBlobOfLogs(label);
    if (!uuid.test(blobId)) throw invalidBlobOfLogs(label, blobId);
    return { blobId: id<BlobId>(blobId), digest: typeof digest === 'string' ? digest : '' };
  });
}
