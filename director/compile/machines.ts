import { AddressBook, newAddresses, type NetworkedGroup } from '../plan/addresses.ts';
import { networkSettings } from '../plan/network-settings.ts';
import { planDeletion } from '../plan/plan-instance.ts';
import type { Variables } from '../plan/variable-values.ts';
import type { WantedStemcell } from '../plan/wanted.ts';
import { OperatorError, messageOf } from '../../common/errors.ts';
import { id, type AgentId, type DeploymentName, type InstanceId } from '../../common/ids.ts';
import { vmCloudProperties, type CloudConfig } from '../../manifests/cloud-config.ts';
import type { YamlMap } from '../../manifests/value.ts';
import { runSteps } from '../execute/effects.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { bareWork, type ExecuteDeps, type InstanceWork } from '../execute/work.ts';
import { takenAddresses } from '../observe/taken-addresses.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';

/** How often an address is chosen anew because another task took it first. */
const reserveTriesMax = 20;

export interface CompilationOptions {
  deployment: DeploymentName;
  cloud: CloudConfig;
  /** What the VM type, or the wished resources, of `compilation` give. */
  vmProperties: YamlMap;
  /** On the CPI of the compilation AZ, by `<os>/<version>`. */
  stemcellFor: (stemcell: { os: string; version: string }) => WantedStemcell;
  tags: Readonly<Record<string, string>>;
  variables: Variables;
}

interface Machine {
  work: InstanceWork;
  agentId: AgentId;
  stemcell: string;
}

/**
 * Machines that compile: made when one is needed and none is idle, reused where the cloud config says so, and all
 * deleted at the end. They are rows like any instance, so what a crash leaves is found and deleted by the next task.
 */
export class CompilationMachines {
  readonly #deps: ExecuteDeps;
  readonly #task: TaskContext;
  readonly #options: CompilationOptions;
  readonly #idle: Machine[] = [];
  #living = 0;

  constructor(deps: ExecuteDeps, task: TaskContext, options: CompilationOptions) {
    this.#deps = deps;
    this.#task = task;
    this.#options = options;
  }

  get workersMax(): number {
    return this.#options.cloud.compilation.workers;
  }

  /** A machine that failed at its work is deleted, too: nobody knows what is left on it. */
  async withMachine<T>(
    stemcell: { os: string; version: string },
    work: (machine: { agentId: AgentId; label: string }) => Promise<T>,
  ): Promise<T> {
    const machine = await this.#take(`${stemcell.os}/${stemcell.version}`, () => this.#options.stemcellFor(stemcell));
    let result: T;
    try {
      result = await work({ agentId: machine.agentId, label: machine.work.label });
    } catch (thrown) {
      if (!this.#deps.settings.keepUnreachableVms) await this.#deleteAfter(machine, thrown);
      throw thrown;
    }
    if (this.#options.cloud.compilation.reuseCompilationVms) this.#idle.push(machine);
    else {
      this.#living--;
      await this.#delete(machine.work);
    }
    return result;
  }

  async deleteAll(): Promise<void> {
    const idle = this.#idle.splice(0);
    this.#living -= idle.length;
    await inParallel(idle, this.#deps.settings.vmsAtOnceMax, (machine) => this.#delete(machine.work));
  }

  /** Those that a director which died has left. */
  async deleteLeftovers(instances: readonly Instance[]): Promise<void> {
    await inParallel(instances, this.#deps.settings.vmsAtOnceMax, (instance) => this.#delete(this.#work(instance)));
  }

  #work(instance: Instance): InstanceWork {
    return { ...bareWork(instance), variables: this.#options.variables };
  }

  async #take(stemcell: string, wanted: () => WantedStemcell): Promise<Machine> {
    const at = this.#idle.findIndex((machine) => machine.stemcell === stemcell);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (idle !== undefined) return idle;
    // All workers may be idle with other stemcells on them: one of them makes room.
    const [other] = this.#living >= this.workersMax ? this.#idle.splice(0, 1) : [];
    if (other !== undefined) {
      this.#living--;
      await this.#delete(other.work);
    }
    return this.#make(stemcell, wanted());
  }

  async #make(stemcell: string, wanted: WantedStemcell): Promise<Machine> {
    const { cloud, vmProperties, tags } = this.#options;
    const { compilation } = cloud;
    const instance = await this.#record();
    const az = compilation.az === null ? undefined : cloud.azs.get(compilation.az);
    const extensions = compilation.vmExtensions.map((name) => cloud.vmExtensions.get(name)?.cloudProperties);
    const work = this.#work(instance);
    const reservations = [
      {
        network: compilation.network,
        address: instance.ips[0]?.address ?? null,
        static: false,
        held: true,
        recorded: true,
      },
    ];
    work.machine = {
      cpi: az?.cpi ?? '',
      stemcell: wanted,
      cloudProperties: vmCloudProperties(az?.cloudProperties, vmProperties, ...extensions),
      networks: networkSettings(groupOf(compilation.network), { reservations, az: compilation.az }, cloud.networks),
      env: compilation.env,
      tags,
    };
    this.#living++;
    try {
      await runSteps([{ kind: 'create-vm' }, { kind: 'await-vm' }, { kind: 'update-settings' }], {
        ...this.#deps,
        task: this.#task,
        work,
      });
    } catch (thrown) {
      await this.#deleteAfter({ work }, thrown);
      throw thrown;
    }
    const [vm] = work.instance.vms;
    if (vm === undefined) throw new Error(`${work.label} was made and has no VM`);
    return { work, agentId: vm.agentId, stemcell };
  }

  /** The row and its address, before anything is made. Another task may take an address first: then the next one. */
  async #record(): Promise<Instance> {
    const { store } = this.#task;
    const { cloud, deployment } = this.#options;
    const { network, az } = cloud.compilation;
    const instanceId = id<InstanceId>(this.#deps.chance.uuid());
    await store.instances.create([
      {
        id: instanceId,
        deployment,
        group: `compilation-${instanceId}`,
        index: 0,
        az,
        state: 'started',
        bootstrap: false,
        ignore: false,
        compilation: true,
        updateCompleted: true,
        spec: null,
      },
    ]);
    for (let tries = 1; ; tries++) {
      const book = new AddressBook(await takenAddresses(store));
      const placement = { existing: null, az, staticIps: new Map<string, string>() };
      const { reservations } = book.reserve(groupOf(network), placement, instanceId, cloud.networks);
      try {
        const taskId = this.#task.task.id;
        await store.instances.reserve(
          newAddresses({ id: instanceId, reservations }).map((address) => ({ ...address, taskId })),
        );
        break;
      } catch (thrown) {
        const lostRace = thrown instanceof OperatorError && thrown.code === 'address-taken' && tries < reserveTriesMax;
        if (!lostRace) throw thrown;
      }
    }
    const instance = await store.instances.get(instanceId);
    if (instance === undefined) throw new Error(`compilation instance ${instanceId} was recorded and is gone`);
    return instance;
  }

  async #delete(work: InstanceWork): Promise<void> {
    const { updateSteps } = planDeletion({ instance: work.instance, agent: { kind: 'none' } }, { skipDrain: 'all' });
    await runSteps(updateSteps, { ...this.#deps, task: this.#task, work });
  }

  /** The failure that led here matters more than one of the deletion, which the next task tries again. */
  async #deleteAfter({ work }: { work: InstanceWork }, failure: unknown): Promise<void> {
    this.#living--;
    try {
      await this.#delete(work);
    } catch (thrown) {
      this.#task.debug(`${work.label} could not be deleted after "${messageOf(failure)}": ${messageOf(thrown)}`);
    }
  }
}

function groupOf(network: string): NetworkedGroup {
  return {
    name: 'compilation',
    networks: [{ name: network, staticIps: null, defaultFor: ['dns', 'gateway'], nicGroup: null }],
  };
}
