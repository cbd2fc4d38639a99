import { id } from '../../../common/ids.ts';
import { instanceLabel, type ActualDeployment } from '../../../director/plan/actual.ts';
import { newAddresses } from '../../../director/plan/addresses.ts';
import type { WantedInstance } from '../../../director/plan/changes.ts';
import { isChanging } from '../../../director/plan/plan-deployment.ts';
import type { InstancePlan, Step } from '../../../director/plan/step.ts';
import type { TakenAddress } from '../../../director/plan/addresses.ts';
import type { Instance } from '../../../director/store/instances.ts';
import { Machine } from './machine.ts';
import type { Planned } from './plan-of.ts';

export interface Performed {
  actual: ActualDeployment;
  /** What a step met that it must not meet: empty for a plan that can be carried out. */
  faults: string[];
  /** Disks that were given up, by the label of their instance. */
  orphaned: string[];
}

/**
 * Carries a plan out on a model of instances, in the plan's order. Strict where the world is: a VM that is deleted with
 * a disk on it, jobs that are changed while they run, an address that two VMs have, an agent that is asked and cannot
 * answer are faults. It is to director/execute what the planner sees of it; stories run the real one.
 */
export function perform(planned: Planned): Performed {
  const world = new World(planned);
  const { obsoleteGroups, batches } = planned.plan;
  for (const deletion of obsoleteGroups) world.run(deletion, deletion.updateSteps);
  const waves = batches.flat().flatMap((group) => group.waves);
  const updates = waves.flatMap(({ canaries, rest }) => [...canaries, ...rest]);
  for (const update of updates) world.run(update, update.createSteps);
  for (const group of batches.flat()) {
    for (const deletion of group.deletions) world.run(deletion, deletion.updateSteps);
    for (const { canaries, rest } of group.waves) {
      for (const update of [...canaries, ...rest]) if (isChanging(update)) world.run(update, update.updateSteps);
    }
  }
  return world.result();
}

class World {
  readonly #machines: Map<string, Machine>;
  readonly #wanted: ReadonlyMap<string, WantedInstance>;
  readonly #others: TakenAddress[];
  readonly #faults: string[] = [];
  readonly #orphaned: string[] = [];

  constructor({ actual, instances, layout }: Planned) {
    this.#wanted = instances;
    const known = new Set<string | null>(actual.instances.map(({ instance }) => instance.id));
    this.#others = actual.addresses.filter(({ instanceId }) => !known.has(instanceId));
    this.#machines = new Map(actual.instances.map((one) => [one.instance.id, Machine.of(one)]));
    for (const group of layout.groups) {
      for (const laidOut of group.instances) this.#recordLayout(laidOut, group.wanted.group.lifecycle === 'errand');
    }
  }

  /** The rows and addresses that are written before anything is made. */
  #recordLayout(laidOut: WantedInstance['layout'], errand: boolean): void {
    const machine = this.#machines.get(laidOut.id) ?? Machine.of({ instance: newRow(laidOut, errand), agent: none });
    const { instance } = machine;
    Object.assign(instance, {
      group: laidOut.group,
      index: laidOut.index,
      az: laidOut.az,
      bootstrap: laidOut.bootstrap,
    });
    for (const address of newAddresses(laidOut)) {
      instance.ips = [...instance.ips.filter((ip) => ip.address !== address.address), { ...address, taskId: null }];
    }
    this.#machines.set(laidOut.id, machine);
  }

  run(plan: InstancePlan, steps: readonly Step[]): void {
    if (steps.length === 0) return;
    const machine = this.#machines.get(plan.id);
    if (machine === undefined) throw new Error(`${plan.id} is planned and unknown`);
    machine.instance.updateCompleted = false;
    for (const step of steps) {
      const faults = machine.step(step, this.#wanted.get(plan.id) ?? null);
      if (step.kind === 'create-vm') faults.push(...this.#collisions(machine));
      if (step.kind === 'delete-instance') this.#machines.delete(plan.id);
      this.#faults.push(...faults.map((fault) => `${instanceLabel(machine.instance)}: ${step.kind}: ${fault}`));
    }
  }

  #collisions(machine: Machine): string[] {
    const own = new Set(machine.addressesInUse());
    return [...this.#machines.values()]
      .filter((other) => other !== machine)
      .flatMap((other) =>
        other
          .addressesInUse()
          .filter((address) => own.has(address))
          .map((address) => `${address} is in use by ${instanceLabel(other.instance)}`),
      );
  }

  result(): Performed {
    const machines = [...this.#machines.values()];
    const instances = machines.map((machine) => machine.actual());
    this.#orphaned.push(...machines.flatMap(({ orphaned }) => orphaned));
    const addresses = [...this.#others, ...instances.flatMap(({ instance }) => instance.ips)];
    return {
      actual: { instances: instances.sort(byIndex), addresses },
      faults: this.#faults,
      orphaned: this.#orphaned,
    };
  }
}

const none = { kind: 'none' } as const;

/** As the store gives them: by group, then index. */
function byIndex({ instance: a }: { instance: Instance }, { instance: b }: { instance: Instance }): number {
  return a.group === b.group ? a.index - b.index : a.group < b.group ? -1 : 1;
}

function newRow({ id: instanceId, group, index, az, bootstrap }: WantedInstance['layout'], errand: boolean): Instance {
  return {
    id: instanceId,
    number: 0,
    deployment: id('site'),
    group,
    index,
    az,
    state: 'started',
    bootstrap,
    ignore: false,
    compilation: false,
    updateCompleted: errand,
    spec: null,
    vms: [],
    disks: [],
    ips: [],
  };
}
