import { OperatorError } from '../../common/errors.ts';
import type { Deployment } from '../store/deployments.ts';
import type { Store } from '../store/store.ts';
import type { NewTask, Task } from '../store/tasks.ts';
import type { ScanAndFixArgs } from './args.ts';
import { isResurrectionPaused } from './resurrection.ts';

export interface ScanAndFixDeps {
  store: Pick<Store, 'attribute' | 'instances'>;
  tasks: { enqueue(task: NewTask): Promise<Task> };
}

/**
 * Looks at instances whose VM is believed to be dead, and replaces those that are: the task that resurrection is made
 * of, on whosever behalf.
 * @throws OperatorError `resurrection-paused` | `instance-not-found` when there is none that is not ignored
 */
export async function enqueueScanAndFix(
  { store, tasks }: ScanAndFixDeps,
  wanted: {
    deployment: Pick<Deployment, 'name' | 'teams'>;
    /** By instance group: indexes or ids. */
    jobs: ScanAndFixArgs['jobs'];
    user: string;
    contextId?: string;
  },
): Promise<Task> {
  const { deployment, jobs, user, contextId = '' } = wanted;
  if (await isResurrectionPaused(store)) throw resurrectionPaused();
  const instances = await store.instances.ofDeployment(deployment.name);
  if (instances.every(({ ignore }) => ignore)) throw nobodyLeft(deployment.name);
  const args: ScanAndFixArgs = { deployment: deployment.name, jobs };
  return tasks.enqueue({
    type: 'cck_scan_and_fix',
    description: 'scan and fix',
    lane: 'normal',
    args,
    user,
    deployment: deployment.name,
    contextId,
    teams: [...deployment.teams],
  });
}

function resurrectionPaused(): OperatorError {
  return new OperatorError('Resurrector is paused', {
    code: 'resurrection-paused',
    hint: 'Run `bosh update-resurrection on` first.',
  });
}

function nobodyLeft(deployment: string): OperatorError {
  return new OperatorError(`Deployment '${deployment}' has no instance that is not ignored`, {
    code: 'instance-not-found',
  });
}
