import pLimit from 'p-limit';
import { messageOf, OperatorError } from '../../common/errors.ts';
import type { InstanceId, VmCid } from '../../common/ids.ts';
import { isUnsupported } from '../../cpi/errors.ts';
import { AgentTimedOut } from '../bus/agent-errors.ts';
import { inParallel } from '../execute/in-parallel.ts';
import type { ExecuteDeps } from '../execute/work.ts';
import { agentsAtOnceMax } from '../observe/observe.ts';
import { expectsVm } from '../observe/vms-of-instance.ts';
import { activeVm, instanceLabel } from '../plan/actual.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { FoundProblem } from '../store/problems.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** For each question to an agent, asked anew within this time. BOSH: 10 s. */
export const agentAnswersMsMax = 10_000;

export interface ScanIo {
  deps: ExecuteDeps;
  task: TaskContext;
}

export interface VmScan {
  /** In the order of the instances. */
  problems: FoundProblem[];
  /** Which VMs say that they have a disk, or must be taken for having it since they say nothing. By its cid. */
  owners: ReadonlyMap<string, readonly VmCid[]>;
  /** Whose VMs were looked at. */
  scanned: ReadonlySet<InstanceId>;
}

type Health = 'ok' | 'unresponsive' | 'missing';

/** Asks every agent; of those that stay silent the infrastructure is asked whether their VM is there. */
export async function scanVms(instances: readonly Instance[], { deps, task }: ScanIo): Promise<VmScan> {
  const expected = instances.filter(shallHaveVm);
  const asked = expected.filter(({ ignore }) => !ignore);
  const stage = task.events.stage(`Scanning ${expected.length} VMs`, 2);
  const scan = new Scan({ deps, task });
  await stage.task('Checking VM states', () =>
    inParallel(asked, agentsAtOnceMax, (instance) => {
      task.checkpoint();
      return scan.look(instance);
    }),
  );
  const ignored = expected.length - asked.length;
  const counts = (['ok', 'unresponsive', 'missing'] as const).map((health) => scan.count(health));
  const [ok = 0, unresponsive = 0, missing = 0] = counts;
  const summary = `${ok} OK, ${unresponsive} unresponsive, ${missing} missing, 0 unbound`;
  await stage.task(`${summary}${ignored > 0 ? `, ${ignored} ignored` : ''}`, () => Promise.resolve());
  return {
    problems: asked.flatMap((instance) => scan.problemOf(instance)),
    owners: scan.owners,
    scanned: new Set(asked.map(({ id }) => id)),
  };
}

/** An instance that no deploy has come to yet is that deploy's to make. */
function shallHaveVm(instance: Instance): boolean {
  return expectsVm(instance) && (instance.spec !== null || activeVm(instance) !== null);
}

class Scan {
  readonly owners = new Map<string, VmCid[]>();
  readonly #io: ScanIo;
  readonly #health = new Map<InstanceId, Health>();
  /** Each may be a program that is started for the question. */
  readonly #limit;

  constructor(io: ScanIo) {
    this.#io = io;
    this.#limit = pLimit(io.deps.settings.vmsAtOnceMax);
  }

  async look(instance: Instance): Promise<void> {
    const vm = activeVm(instance);
    this.#health.set(instance.id, vm === null ? 'missing' : await this.#ask(instance, vm));
  }

  count(wanted: Health): number {
    return [...this.#health.values()].filter((health) => health === wanted).length;
  }

  problemOf(instance: Instance): FoundProblem[] {
    const health = this.#health.get(instance.id);
    if (health === 'ok' || health === undefined) return [];
    const type = health === 'missing' ? 'missing_vm' : 'unresponsive_agent';
    return [{ type, resource: instance.id, agentId: activeVm(instance)?.agentId ?? null, data: {} }];
  }

  async #ask(instance: Instance, vm: Vm): Promise<Health> {
    const { deps, task } = this.#io;
    const options = { label: instanceLabel(instance), timeoutMs: agentAnswersMsMax, signal: task.signal };
    try {
      await deps.agents.call(vm.agentId, 'get_state', [], options);
    } catch (thrown) {
      const silent = this.#isSilent(thrown);
      // One problem is enough: that its disk may not be mounted is looked at when it answers again.
      this.#ownsAsRecorded(instance, vm);
      if (!silent) return 'ok';
      return (await this.#limit(() => this.#exists(vm))) ? 'unresponsive' : 'missing';
    }
    try {
      this.#owns(vm, await deps.agents.call(vm.agentId, 'list_disk', [], options));
    } catch (thrown) {
      if (!this.#isSilent(thrown)) this.#ownsAsRecorded(instance, vm);
    }
    return 'ok';
  }

  /** An agent that answers with an error lives, and is not to be replaced for it; the error is told. */
  #isSilent(thrown: unknown): boolean {
    const { task } = this.#io;
    task.signal.throwIfAborted();
    if (thrown instanceof AgentTimedOut) return true;
    if (!(thrown instanceof OperatorError) || !thrown.code.startsWith('agent-')) throw thrown;
    task.events.warning(messageOf(thrown));
    return false;
  }

  async #exists({ cid, cpi, stemcell }: Vm): Promise<boolean> {
    const { deps, task } = this.#io;
    if (cid === null) return false;
    try {
      return await deps.cpis.named(cpi, task, stemcell).hasVm(cid, task.signal);
    } catch (thrown) {
      if (isUnsupported(thrown)) return true;
      throw thrown;
    }
  }

  #ownsAsRecorded({ disks }: Instance, vm: Vm): void {
    this.#owns(
      vm,
      disks.flatMap(({ active, name, cid }) => (active && name === '' && cid !== null ? [cid] : [])),
    );
  }

  #owns({ cid }: Vm, disks: readonly string[]): void {
    if (cid === null) return;
    for (const disk of disks) this.owners.set(disk, [...(this.owners.get(disk) ?? []), cid]);
  }
}
