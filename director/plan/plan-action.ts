import type { WatchMs } from '../../manifests/update-policy.ts';
import { activeVm, unfinishedVm, unwantedVms, type ActualInstance } from './actual.ts';
import { shapeChanges, type VmShape } from './changes.ts';
import type { Variables } from './variable-values.ts';
import { disksAreMounted } from './plan-instance.ts';
import type { Step } from './step.ts';

/** A part of an action on one instance, as BOSH names it in the event stream. */
export interface Phase {
  title: 'Stopping instance' | 'Deleting VM' | 'Creating VM' | 'Starting instance';
  steps: readonly Step[];
}

/** Where it is stopped already, nothing is done; with `hard` its VM goes, too. */
export function planStop(
  { instance, agent }: ActualInstance,
  { hard, skipDrain }: { hard: boolean; skipDrain: boolean },
): Phase[] {
  if (instance.state === 'detached' || (instance.state === 'stopped' && !hard)) return [];
  const answers = agent.kind === 'answered';
  const stop: Step = { kind: 'stop', drain: skipDrain ? 'skip' : 'shutdown', next: hard ? 'delete-vm' : 'keep-vm' };
  const stopping: Phase = { title: 'Stopping instance', steps: answers && instance.spec !== null ? [stop] : [] };
  if (!hard) return [stopping];
  const hasDisk = instance.disks.some(({ active, state }) => active && state === 'live');
  const detach: Step[] = answers && hasDisk ? [{ kind: 'detach-disks' }] : [];
  const remove = instance.vms.map((vm): Step => ({ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }));
  return [stopping, { title: 'Deleting VM', steps: [...detach, ...remove] }];
}

/** What it ran when it was last updated runs again; a VM that is missing, or half made, is made first. */
export function planStart(
  actual: ActualInstance,
  {
    shape,
    variables,
    watch,
    canaryWatch,
  }: { shape: VmShape; variables: Variables; watch: WatchMs; canaryWatch: WatchMs },
): Phase[] {
  const { instance, agent } = actual;
  const starting = (...first: readonly Step[]): Phase => ({
    title: 'Starting instance',
    steps: [...first, { kind: 'apply' }, { kind: 'start', watch, canaryWatch }, { kind: 'finish', state: 'started' }],
  });
  if (activeVm(instance) === null)
    return [{ title: 'Creating VM', steps: makeVm(instance, shape, variables) }, starting()];
  const isHalfMade = instance.state === 'detached' || !instance.updateCompleted;
  if (isHalfMade) return [starting(...finishVm(actual))];
  const runs = agent.kind === 'answered' && agent.state.job_state === 'running';
  return runs && instance.state === 'started' ? [] : [starting()];
}

/** Whoever made it has failed or died: its agent calls itself running all the same, for it has no jobs that do not. */
export function finishVm(actual: ActualInstance): Step[] {
  const attach: Step[] = disksAreMounted(actual) ? [] : [{ kind: 'attach-disks' }];
  return [...attach, { kind: 'update-settings' }, { kind: 'introduce' }];
}

/** One that was being made when a director died is finished, if it fits. */
export function makeVm(instance: ActualInstance['instance'], shape: VmShape, variables: Variables): Step[] {
  const unfinished = unfinishedVm(instance);
  const adopted = unfinished !== null && shapeChanges(unfinished, shape, variables).length === 0;
  const unwanted = [...unwantedVms(instance), ...(unfinished === null || adopted ? [] : [unfinished])];
  const disks: Step[] = instance.disks.some(({ active, state }) => active && state === 'live')
    ? [{ kind: 'attach-disks' }]
    : [];
  return [
    ...unwanted.map((vm): Step => ({ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid })),
    ...(adopted ? [] : [{ kind: 'create-vm' } as const]),
    { kind: 'await-vm' },
    ...disks,
    { kind: 'update-settings' },
    { kind: 'introduce' },
  ];
}
