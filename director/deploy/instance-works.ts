import type { PackageRef } from '../../agent/protocol.ts';
import { id } from '../../common/ids.ts';
import { mapInTurns } from '../../common/in-turns.ts';
import { bareWork, type InstanceWork, type MachineShape } from '../execute/work.ts';
import { newAddresses } from '../plan/addresses.ts';
import { vmShape } from '../plan/changes.ts';
import { stemcellFor } from '../plan/instance-spec.ts';
import type { LaidOutInstance } from '../plan/layout.ts';
import type { InstancePlan } from '../plan/step.ts';
import type { WantedDeployment, WantedGroup } from '../plan/wanted.ts';
import type { Instance } from '../store/instances.ts';
import type { Task } from '../store/tasks.ts';
import type { DeployDeps } from './deploy-deps.ts';
import type { Prepared } from './prepare.ts';
import { jobsWork, renderedOf, type Rendered } from './render.ts';

/** What executing needs to know of each instance of a deployment, planned or on its way out. */
export async function instanceWorks(
  { resolved, layout, linked, filled, variables, actual }: Prepared,
  rendered: ReadonlyMap<string, Rendered>,
  packages: (group: WantedGroup) => Readonly<Record<string, PackageRef | null>>,
  { deps, task }: { deps: DeployDeps; task: Task },
): Promise<(plan: InstancePlan) => InstanceWork> {
  const { wanted } = resolved;
  const works = new Map<string, InstanceWork>();
  const existing = new Map(actual.instances.map(({ instance }) => [instance.id, instance]));
  for (const group of layout.groups) {
    const refs = packages(group.wanted);
    await mapInTurns(group.instances, (instance) => {
      const own = renderedOf(rendered, instance.id);
      const row = existing.get(instance.id) ?? freshInstance(instance, wanted);
      const added = newAddresses(instance).map((address) => ({ ...address, taskId: task.id }));
      const kept = row.ips.filter(({ address }) => !added.some((other) => other.address === address));
      works.set(instance.id, {
        ...bareWork({
          ...row,
          group: instance.group,
          index: instance.index,
          az: instance.az,
          ips: [...kept, ...added],
        }),
        variables,
        machine: machineShape(wanted, group.wanted, instance, own.networks),
        jobs: jobsWork({ wanted, group, instance, linked, filled }, own, refs, deps),
      });
    });
  }
  for (const { instance } of layout.obsolete) works.set(instance.id, { ...bareWork(instance), variables });
  return worksById(works);
}

export function worksById(works: ReadonlyMap<string, InstanceWork>): (plan: InstancePlan) => InstanceWork {
  return ({ id: instanceId }) => {
    const work = works.get(instanceId);
    if (work === undefined) throw new Error(`instance ${instanceId} is planned and unknown`);
    return work;
  };
}

export function machineShape(
  wanted: WantedDeployment,
  group: WantedGroup,
  layout: LaidOutInstance,
  networks: Rendered['networks'],
): MachineShape {
  const { stemcell: _names, ...shape } = vmShape({ deployment: wanted, group, layout, networks });
  return {
    ...shape,
    cpi: (layout.az === null ? null : wanted.cloud.azs.get(layout.az)?.cpi) ?? '',
    stemcell: stemcellFor(wanted, group, layout.az),
    tags: { ...wanted.tags, ...group.group.tags },
  };
}

/** As it was just recorded. */
function freshInstance(instance: LaidOutInstance, { name }: WantedDeployment): Instance {
  return {
    id: instance.id,
    number: 0, // the store's; nothing here asks for it
    deployment: id(name),
    group: instance.group,
    index: instance.index,
    az: instance.az,
    state: 'started',
    bootstrap: instance.bootstrap,
    ignore: false,
    compilation: false,
    updateCompleted: false,
    spec: null,
    vms: [],
    disks: [],
    ips: [],
  };
}
