import { OperatorError } from '../../common/errors.ts';
import { id, type InstanceId } from '../../common/ids.ts';
import { inTurns } from '../../common/in-turns.ts';
import { newAddresses } from '../plan/addresses.ts';
import type { ActualDeployment } from '../plan/actual.ts';
import { layingOut, type LaidOutInstance, type Layout } from '../plan/layout.ts';
import type { WantedDeployment } from '../plan/wanted.ts';
import { takenAddresses } from '../observe/taken-addresses.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { DeployDeps } from './deploy-deps.ts';

/** How often the layout is made anew because another deploy took an address first. */
const layoutTriesMax = 20;

/**
 * Decides who is where and, except in a dry run, records it: rows and addresses, before anything is made.
 * @param of.groups those that are recorded, where the others are nobody's business now. Default: all
 */
export async function layOutOnRecord(
  wanted: WantedDeployment,
  observed: ActualDeployment,
  {
    task,
    chance,
    dryRun,
    groups,
  }: { task: TaskContext; chance: DeployDeps['chance']; dryRun: boolean; groups?: ReadonlySet<string> },
): Promise<{ layout: Layout; actual: ActualDeployment }> {
  const { store } = task;
  const total = wanted.groups.reduce((sum, { group }) => sum + group.instances, 0);
  const freshIds = Array.from({ length: total }, () => id<InstanceId>(chance.uuid()));
  for (let tries = 1; ; tries++) {
    const actual = tries === 1 ? observed : { ...observed, addresses: await takenAddresses(store) };
    const layout = await inTurns(layingOut(wanted, actual, freshIds));
    if (dryRun) return { layout, actual };
    try {
      await recordLayout(
        groups === undefined ? layout : { ...layout, groups: groupsNamed(layout, groups) },
        wanted,
        task,
      );
      return { layout, actual };
    } catch (thrown) {
      const lostRace = thrown instanceof OperatorError && thrown.code === 'address-taken' && tries < layoutTriesMax;
      if (!lostRace) throw thrown;
    }
  }
}

async function recordLayout(layout: Layout, { name }: WantedDeployment, { task, store: root }: TaskContext) {
  const instances = layout.groups.flatMap((group) =>
    group.instances.filter(({ group: groupName }) => groupName === group.wanted.group.name),
  );
  const errands = new Set(
    layout.groups.filter(({ wanted }) => wanted.group.lifecycle === 'errand').map(({ wanted }) => wanted.group.name),
  );
  const fresh = instances.filter(({ existing }) => existing === null);
  await root.atomically(async (store) => {
    await store.instances.create(
      fresh.map(({ id: instanceId, group, index, az, bootstrap }) => ({
        id: instanceId,
        deployment: name,
        group,
        index,
        az,
        bootstrap,
        state: 'started' as const,
        ignore: false,
        compilation: false,
        updateCompleted: errands.has(group), // an errand's machine is made when it runs
        spec: null,
      })),
    );
    for (const { id: instanceId, group, index, az, bootstrap, existing } of instances) {
      if (existing !== null && !sitsThere(existing.instance, { group, index, az, bootstrap }))
        await store.instances.update(instanceId, { group, index, az, bootstrap });
    }
    await store.instances.reserve(
      instances.flatMap((instance) => newAddresses(instance).map((address) => ({ ...address, taskId: task.id }))),
    );
  });
}

export function groupsNamed({ groups }: Layout, names: ReadonlySet<string>): Layout['groups'] {
  return groups.filter(({ wanted }) => names.has(wanted.group.name));
}

type Seat = Pick<LaidOutInstance, 'group' | 'index' | 'az' | 'bootstrap'>;

function sitsThere(row: Seat, { group, index, az, bootstrap }: Seat): boolean {
  return row.group === group && row.index === index && row.az === az && row.bootstrap === bootstrap;
}
