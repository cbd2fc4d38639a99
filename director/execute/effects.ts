import { CpiError, CpiOutcomeUnknown } from '../../cpi/errors.ts';
import { activeVm } from '../plan/actual.ts';
import { archiveOf } from '../plan/instance-spec.ts';
import { describeStep } from '../plan/plan-document.ts';
import type { Step, StepKind } from '../plan/step.ts';
import { attachDisks, changeDisk, detachDisks, giveUpStrays, orphan, setDiskMetadata } from './effects/disks.ts';
import { endUpdates } from './effects/disk-in-place.ts';
import { apply, introduce, prepare, start, stop } from './effects/jobs.ts';
import { goesOnPast, leaveVmBehind } from './effects/left-behind.ts';
import { recordNames } from './effects/names.ts';
import { takeSnapshots } from './effects/snapshots.ts';
import { awaitVm, createVm, deleteVm, setVmMetadata, updateSettings } from './effects/vm.ts';
import type { StepIo } from './work.ts';

/** A step kind without an effect does not compile. Each may run twice. */
const effects: { [K in StepKind]: (step: Extract<Step, { kind: K }>, io: StepIo) => Promise<void> } = {
  'create-vm': (_step, io) => createVm(io),
  'await-vm': (_step, io) => awaitVm(io),
  'delete-vm': ({ agentId }, io) => deleteVm(io, agentId),
  'attach-disks': (_step, io) => attachDisks(io),
  'detach-disks': (_step, io) => detachDisks(io),
  'change-disk': (step, io) => changeDisk(io, step),
  'update-settings': (_step, io) => updateSettings(io),
  introduce: (_step, io) => introduce(io),
  'record-names': (_step, io) => recordNames(io),
  prepare: (_step, io) => prepare(io),
  stop: (step, io) => stop(io, step),
  snapshot: async (_step, io) => {
    await takeSnapshots(io, { clean: true });
  },
  apply: (_step, io) => apply(io),
  start: (step, io) => start(io, step),

  'set-metadata': async (_step, io) => {
    const { instance, jobs } = io.work;
    const vm = activeVm(instance);
    if (vm === null) return;
    await setVmMetadata(io, vm);
    await setDiskMetadata(io, vm);
    const spec = { ...instance.spec, tags: jobs?.spec['tags'] };
    await io.task.store.instances.update(instance.id, { spec });
    instance.spec = spec;
  },

  'release-addresses': async ({ addresses }, { work, task }) => {
    await task.store.instances.release(addresses);
    work.instance.ips = work.instance.ips.filter(({ address }) => !addresses.includes(address));
  },

  finish: async ({ state }, io) => {
    const { work, task } = io;
    await giveUpStrays(io);
    await task.store.instances.update(work.instance.id, { state, updateCompleted: true });
    Object.assign(work.instance, { state, updateCompleted: true });
  },

  'delete-instance': async (_step, io) => {
    const { work, task, blobs } = io;
    if (work.forced === true) {
      for (const vm of work.instance.vms) await leaveVmBehind(io, vm, vm.problem ?? 'it could not be deleted');
    }
    await endUpdates(io);
    for (const disk of work.instance.disks) await orphan(io, disk);
    await task.store.dns.setRecords([{ instance: work.instance.id, records: [] }]);
    await task.store.instances.release(work.instance.ips.map(({ address }) => address));
    await task.store.instances.delete(work.instance.id);
    const archive = archiveOf(work.instance.spec);
    if (archive !== null) await blobs.delete(archive);
  },
};

/** Runs steps in order; between two of them the task may be cancelled. */
export async function runSteps(steps: readonly Step[], io: StepIo): Promise<void> {
  for (const step of steps) {
    io.task.checkpoint();
    io.task.debug(`${io.work.label}: ${describeStep(step)}`); // in the words of the plan
    // The table has an effect for each kind, which takes just that kind.
    const effect = effects[step.kind] as (step: Step, io: StepIo) => Promise<void>;
    try {
      await effect(step, io);
    } catch (thrown) {
      tellInstance(thrown, io.work.label);
      if (step.kind === 'delete-instance' || !goesOnPast(thrown, io)) throw thrown;
      io.task.events.warning(`${io.work.label}: ${step.kind} failed, going on by force: ${thrown.message}`);
    }
  }
}

/** A CPI knows VMs and disks; whose they are, only we do. */
function tellInstance(thrown: unknown, instance: string): void {
  if (thrown instanceof CpiError || thrown instanceof CpiOutcomeUnknown) thrown.details['instance'] ??= instance;
}
