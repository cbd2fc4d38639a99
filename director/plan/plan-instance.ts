import type { DiskState, Instance } from '../store/instances.ts';
import { activeVm, unfinishedVm, unwantedVms, type ActualInstance } from './actual.ts';
import {
  changesOf,
  diskChanges,
  settledState,
  shapeChanges,
  vmShape,
  type DiskChange,
  type WantedInstance,
} from './changes.ts';
import { sameValue } from './equal.ts';
import type { Action, Change, ChangeKind, InstancePlan, Step, StopIntent } from './step.ts';
import type { DeployOptions } from './wanted.ts';

/** What cannot be done to a VM that lives. */
const needNewVm: ReadonlySet<ChangeKind> = new Set(['recreate', 'cloud_properties', 'stemcell', 'env', 'network']);

/**
 * Steps, in order, that bring one instance to what is wanted; none when it is already there.
 * Replacing a VM: stop, take the disks off, delete, make anew, put the disks on, apply, start. Changing one that
 * stays: fetch first while the jobs run, then stop, apply, start.
 */
export function planInstance(wanted: WantedInstance, options: DeployOptions): InstancePlan {
  const { layout } = wanted;
  const addresses = layout.reservations.map(({ address }) => address);
  const about = { id: layout.id, group: layout.group, index: layout.index, az: layout.az, addresses };
  if (layout.existing === null) return { ...about, ...planNew(wanted, options) };
  if (layout.existing.instance.ignore)
    return { ...about, action: 'keep', changes: [], createSteps: [], updateSteps: [] };
  return { ...about, ...planExisting(wanted, layout.existing, options) };
}

type Plan = Pick<InstancePlan, 'action' | 'changes' | 'createSteps' | 'updateSteps'>;

function planNew(wanted: WantedInstance, options: DeployOptions): Plan {
  const state = settledState(wanted.stateWish, null);
  if (state === 'detached')
    return { action: 'create', changes: [], createSteps: [], updateSteps: [{ kind: 'finish', state }] };
  const disks = wanted.group.disks.map((to): Step => ({
    kind: 'change-disk',
    name: to.name,
    from: null,
    to,
    inPlace: null,
  }));
  return {
    action: 'create',
    changes: [],
    createSteps: [{ kind: 'create-vm' }, { kind: 'await-vm' }, { kind: 'update-settings' }, { kind: 'introduce' }],
    updateSteps: [...disks, { kind: 'apply' }, ...startSteps(wanted, state, options), { kind: 'finish', state }],
  };
}

function planExisting(wanted: WantedInstance, actual: ActualInstance, options: DeployOptions): Plan {
  const { instance } = actual;
  const state = settledState(wanted.stateWish, instance);
  const leftovers = unwantedVms(instance).map((vm): Step => ({
    kind: 'delete-vm',
    agentId: vm.agentId,
    vmCid: vm.cid,
  }));
  const changes = changesOf(wanted, actual, options);
  const finish: Step = { kind: 'finish', state };
  if (changes.length === 0 || (leftovers.length === 0 && waits(changes, state))) {
    if (leftovers.length === 0) return { action: 'keep', changes, createSteps: [], updateSteps: [] };
    const leftOver: Change = { kind: 'dirty', reason: 'a VM that was replaced is left over' };
    return { action: 'update', changes: [leftOver], createSteps: [], updateSteps: [...leftovers, finish] };
  }
  const missing = activeVm(instance) === null;
  const retag: Step[] = changes.some(({ kind }) => kind === 'tags') ? [{ kind: 'set-metadata' }] : [];
  const rename: Step[] = changes.some(({ kind }) => kind === 'dns') ? [{ kind: 'record-names' }] : [];
  if (!missing && changes.every(({ kind }) => kind === 'tags' || kind === 'dns'))
    return { action: 'update', changes, createSteps: [], updateSteps: [...leftovers, ...rename, ...retag, finish] };
  const replace = !missing && changes.some(({ kind }) => needNewVm.has(kind));
  const action = actionOf(changes, { replace, missing, state });
  const stop = stopSteps(wanted, actual, {
    replace,
    diskChange: changes.some(({ kind }) => kind === 'persistent_disk'),
    state,
    options,
  });

  if (state === 'detached') {
    const remove = [...dropVm(actual), ...dropUnfinished(instance), ...releaseSteps(wanted)];
    return { action, changes, createSteps: [], updateSteps: [...leftovers, ...stop, ...remove, ...rename, finish] };
  }
  if (state === 'stopped' && !missing)
    return { action, changes, createSteps: [], updateSteps: [...leftovers, ...stop, ...rename, finish] };

  const disks = diskSteps(diskChanges(wanted, actual, options), options);
  const last = [
    ...disks,
    ...releaseSteps(wanted),
    { kind: 'apply' } as const,
    ...startSteps(wanted, state, options),
    finish,
  ];
  if (missing) return { action, changes, createSteps: [...leftovers, ...makeVm(wanted, actual)], updateSteps: last };
  if (replace) {
    return {
      action,
      changes,
      createSteps: [],
      updateSteps: [...leftovers, ...stop, ...dropVm(actual), ...makeVm(wanted, actual), ...last],
    };
  }
  const attach: Step[] = disksAreMounted(actual) ? [] : [{ kind: 'attach-disks' }];
  return {
    action,
    changes,
    createSteps: [],
    updateSteps: [
      ...leftovers,
      { kind: 'prepare' },
      ...stop,
      ...attach,
      { kind: 'update-settings' },
      ...rename,
      ...retag,
      ...last,
    ],
  };
}

/** What changed for an instance that is stopped, and stays so, is done when it starts: until then there is no need. */
function waits(changes: readonly Change[], state: Instance['state']): boolean {
  return state !== 'started' && !changes.some(({ kind }) => kind === 'dirty' || kind === 'state' || kind === 'dns');
}

function dropUnfinished(instance: Instance): Step[] {
  const vm = unfinishedVm(instance);
  return vm === null ? [] : [{ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }];
}

/** A VM that was being made when a director died is finished, if it still fits; else it goes and another is made. */
function makeVm(wanted: WantedInstance, { instance }: ActualInstance): Step[] {
  const unfinished = unfinishedVm(instance);
  const adopt = unfinished !== null && shapeChanges(unfinished, vmShape(wanted), wanted.variables).length === 0;
  const before = adopt ? [] : dropUnfinished(instance);
  const disks: Step[] = instance.disks.some(isServing) ? [{ kind: 'attach-disks' }] : [];
  return [
    ...before,
    ...(adopt ? [] : [{ kind: 'create-vm' } as const]),
    { kind: 'await-vm' },
    ...disks,
    { kind: 'update-settings' },
    { kind: 'introduce' },
  ];
}

/** An agent that doesn't answer cannot take its disks off: the infrastructure does, when it deletes the VM. */
function dropVm({ instance, agent }: ActualInstance): Step[] {
  const vm = activeVm(instance);
  if (vm === null) return [];
  const detach: Step[] = agent.kind === 'answered' && instance.disks.some(isServing) ? [{ kind: 'detach-disks' }] : [];
  return [...detach, { kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }];
}

function isServing({ active, state }: { active: boolean; state: DiskState }): boolean {
  return active && state === 'live';
}

/** Just the one that serves: a second one, of a migration that broke off, may be the store in its place. */
export function disksAreMounted({ instance, agent }: ActualInstance): boolean {
  if (agent.kind !== 'answered' || agent.mountedDisks === null) return true;
  const mounted = new Set(agent.mountedDisks);
  const serving = instance.disks.filter((disk) => isServing(disk) && disk.name === '');
  return mounted.size === serving.length && serving.every(({ cid }) => cid !== null && mounted.has(cid));
}

function stopSteps(
  wanted: WantedInstance,
  { instance, agent }: ActualInstance,
  why: { replace: boolean; diskChange: boolean; state: string; options: DeployOptions },
): Step[] {
  if (agent.kind !== 'answered') return []; // a silent agent can't be asked
  // Nothing runs in a stopped instance, unless somebody started it by hand.
  if (instance.state !== 'started' && agent.state.job_state !== 'running') return [];
  const shutdown = why.replace || why.diskChange || why.state !== 'started';
  const drain = skipsDrain(wanted.layout.group, why.options) ? 'skip' : shutdown ? 'shutdown' : 'update';
  const next: StopIntent = why.replace || why.state === 'detached' ? 'delete-vm' : 'keep-vm';
  const snapshot: Step[] = why.options.snapshots && instance.disks.some(isServing) ? [{ kind: 'snapshot' }] : [];
  return [{ kind: 'stop', drain, next }, ...snapshot];
}

export function skipsDrain(group: string, { skipDrain }: Pick<DeployOptions, 'skipDrain'>): boolean {
  return skipDrain === 'all' || skipDrain.includes(group);
}

function startSteps({ group }: WantedInstance, state: string, _options: DeployOptions): Step[] {
  if (state !== 'started') return [];
  return [{ kind: 'start', watch: group.group.update.updateWatchMs, canaryWatch: group.group.update.canaryWatchMs }];
}

function diskSteps(changes: readonly DiskChange[], options: DeployOptions): Step[] {
  return changes.map((change) => {
    const { name, from, to } = change;
    return { kind: 'change-disk', name, from: from?.key ?? null, to, inPlace: inPlaceOf(change, options) };
  });
}

/** Only of the disk that is mounted, as BOSH. One that shall be made anew is. */
function inPlaceOf({ name, from, to }: DiskChange, options: DeployOptions): 'resize' | 'update' | null {
  const { disksInPlace, recreatePersistentDisks } = options;
  if (name !== '' || from === null || to === null || recreatePersistentDisks) return null;
  const grows = to.sizeMib > from.sizeMib && sameValue(from.cloudProperties, to.cloudProperties);
  if (grows && disksInPlace.resize) return 'resize';
  return disksInPlace.update ? 'update' : null;
}

function releaseSteps({ layout }: WantedInstance): Step[] {
  return layout.obsoleteAddresses.length === 0
    ? []
    : [{ kind: 'release-addresses', addresses: layout.obsoleteAddresses }];
}

/** BOSH's verb for the event: what alone changed decides, where one thing alone did. */
function actionOf(
  changes: readonly Change[],
  { replace, missing, state }: { replace: boolean; missing: boolean; state: string },
): Action {
  const [only] = changes;
  if (changes.length === 1 && only?.kind === 'restart') return 'restart';
  if (changes.length === 1 && only?.kind === 'state')
    return state === 'started' ? (missing ? 'recreate' : 'start') : 'stop';
  if (changes.length > 0 && state !== 'started') return 'stop';
  return replace || missing ? 'recreate' : 'update';
}

/** Steps that remove an instance with everything but its disks' data. */
export function planDeletion(
  actual: ActualInstance,
  options: Pick<DeployOptions, 'skipDrain'>,
  next: StopIntent = 'delete-instance',
): InstancePlan {
  const { instance, agent } = actual;
  const stop: Step[] =
    // Without a spec nothing was ever applied: there are no jobs to drain.
    agent.kind === 'answered' && instance.state === 'started' && instance.spec !== null
      ? [{ kind: 'stop', drain: skipsDrain(instance.group, options) ? 'skip' : 'shutdown', next }]
      : [];
  const detach: Step[] = agent.kind === 'answered' && instance.disks.some(isServing) ? [{ kind: 'detach-disks' }] : [];
  const remove = instance.vms.map((vm): Step => ({ kind: 'delete-vm', agentId: vm.agentId, vmCid: vm.cid }));
  return {
    id: instance.id,
    group: instance.group,
    index: instance.index,
    az: instance.az,
    addresses: instance.ips.map(({ address }) => address),
    action: 'delete',
    changes: [],
    createSteps: [],
    updateSteps: [...stop, ...detach, ...remove, { kind: 'delete-instance' }],
  };
}
