import { messageOf } from '../../common/errors.ts';
import { id, type DiskCid, type InstanceId } from '../../common/ids.ts';
import { isUnsupported } from '../../cpi/errors.ts';
import { deploymentLockWaitMs } from '../deploy/deploy-deps.ts';
import { attach, attachAtCpi, cidOf, detach } from '../execute/effects/disk-attachment.ts';
import { orphaned, orphanRow } from '../execute/effects/disks.ts';
import { mountStore } from '../execute/effects/mounts.ts';
import { bareWork, type ExecuteDeps, type StepIo } from '../execute/work.ts';
import { activeVm } from '../plan/actual.ts';
import type { Instance, PersistentDisk } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { AttachDiskArgs } from './args.ts';
import { diskOfOther, instanceNotStopped, instanceOfDiskIgnored, instanceOfDiskMissing } from './errors.ts';
import { diskLock, diskLockWaitMs } from './locks.ts';

/**
 * `bosh attach-disk`: a stopped instance gets another persistent disk, and the one that it had is orphaned.
 *
 * INVARIANTS
 * - The infrastructure is asked to attach the new disk before any record changes: what it refuses stays as it was.
 * - Records change in one go, and then say what shall be: a task that begins anew, or the next deploy, mounts it.
 */
export function attachDisk(deps: ExecuteDeps): TaskHandler {
  return (task) => {
    const args = task.task.args as AttachDiskArgs; // the API has checked it
    const { deployment, group, instanceId, diskCid } = args;
    return task.withLock(`lock:deployment:${deployment}`, deploymentLockWaitMs, () =>
      task.withLock(diskLock(diskCid), diskLockWaitMs, async () => {
        const instance = await stoppedInstance(args, task);
        await new Attachment({ ...deps, task, work: bareWork(instance) }, args).run();
        return `attached disk '${diskCid}' to '${group}/${instanceId}' in deployment '${deployment}'`;
      }),
    );
  };
}

async function stoppedInstance(args: AttachDiskArgs, { store }: TaskContext): Promise<Instance> {
  const instance = await store.instances.get(id<InstanceId>(args.instanceId));
  const fits = instance?.deployment === args.deployment && instance.group === args.group && !instance.compilation;
  if (instance === undefined || !fits) throw instanceOfDiskMissing(args);
  if (instance.ignore) throw instanceOfDiskIgnored(args);
  if (instance.state === 'started') throw instanceNotStopped(args);
  return instance;
}

class Attachment {
  readonly #io: StepIo;
  readonly #cid: DiskCid;
  readonly #copyProperties: boolean;

  constructor(io: StepIo, { diskCid, copyProperties }: AttachDiskArgs) {
    this.#io = io;
    this.#cid = id<DiskCid>(diskCid);
    this.#copyProperties = copyProperties;
  }

  async run(): Promise<void> {
    const { work, task } = this.#io;
    const former = work.instance.disks.find(({ active, state, name }) => active && state === 'live' && name === '');
    if (former?.cid !== this.#cid) {
      const holder = await task.store.instances.diskByCid(this.#cid);
      if (holder !== undefined) throw diskOfOther(this.#cid, holder.instanceId);
      await this.#tryAtCpi(former ?? null);
      await this.#swapRecords(former ?? null);
    }
    const serving = work.instance.disks.find(({ cid }) => cid === this.#cid);
    if (serving !== undefined && activeVm(work.instance) !== null) await this.#mount(serving);
  }

  async #tryAtCpi(former: PersistentDisk | null): Promise<void> {
    const vm = activeVm(this.#io.work.instance);
    if (vm === null) return this.#warnIfMissing(former);
    if (former !== null) await detach(this.#io, former);
    try {
      await attachAtCpi(this.#io, vm, this.#cid);
    } catch (thrown) {
      if (former !== null) await this.#mountAgain(former);
      throw thrown;
    }
  }

  /** Without a VM the disk is looked at when there is one; a slip is better told now. As BOSH, it is no error. */
  async #warnIfMissing(former: PersistentDisk | null): Promise<void> {
    const { cpis, task } = this.#io;
    try {
      if (await cpis.named(former?.cpi ?? '', task).hasDisk(this.#cid, task.signal)) return;
    } catch (thrown) {
      if (!isUnsupported(thrown)) throw thrown;
      return;
    }
    task.events.warning(
      `The infrastructure has no disk ${this.#cid}: the instance will not start with it. Attach another one, or make it first`,
    );
  }

  async #mountAgain(former: PersistentDisk): Promise<void> {
    const { task, work } = this.#io;
    try {
      await this.#mount(former);
    } catch (thrown) {
      task.signal.throwIfAborted();
      task.events.warning(
        `${work.label}: its disk ${former.cid} could not be attached again (${messageOf(thrown)}); the next deploy does it`,
      );
    }
  }

  async #mount(disk: PersistentDisk): Promise<void> {
    await mountStore(this.#io, await attach(this.#io, disk), cidOf(disk));
  }

  async #swapRecords(former: PersistentDisk | null): Promise<void> {
    const { work, task, chance } = this.#io;
    const { instance } = work;
    const copied = this.#copyProperties ? former : null;
    const variableSet = copied?.variableSet ?? instance.variableSet; // an orphan's own may be gone
    const unknown = {
      key: chance.uuid(),
      cid: this.#cid,
      instanceId: instance.id,
      state: 'live',
      active: true,
      // Nobody knows: with this size the next deploy copies what is on it to a disk as the manifest wants it. As BOSH.
      sizeMib: copied?.sizeMib ?? 1,
      cloudProperties: copied?.cloudProperties ?? {},
      ...(variableSet === undefined ? {} : { variableSet }),
      name: '',
      cpi: activeVm(instance)?.cpi ?? former?.cpi ?? '',
    } as const;
    const disk = await task.store.atomically(async (store) => {
      if (former !== null) await orphanRow(this.#io, former, store);
      return store.instances.adoptDisk(unknown);
    });
    if (former !== null) await orphaned(this.#io, former);
    instance.disks.push(disk);
  }
}
