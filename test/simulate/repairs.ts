import { type DeploymentName, id, type TaskId } from '../../common/ids.ts';
import type { ApplyResolutionsArgs, ScanAndFixArgs } from '../../director/problems/args.ts';
import { kinds } from '../../director/problems/kinds.ts';
import { expectsVm } from '../../director/observe/vms-of-instance.ts';
import type { Instance } from '../../director/store/instances.ts';
import type { Problem } from '../../director/store/problems.ts';
import type { NewTask } from '../../director/store/tasks.ts';
import type { World } from '../support/given-director.ts';
import { newTask } from '../support/task-world.ts';
import { runningViolations } from './applied.ts';
import type { Dice } from './dice.ts';

const ofDeployment = (type: string, deployment: string, args: object): NewTask =>
  newTask(type, { args: { deployment, ...args }, deployment: id<DeploymentName>(deployment) });

export const scan = (deployment: string) => ofDeployment('cck_scan', deployment, {});

/** Something for each open problem; undefined: there is none. */
export async function applySomething(
  deployment: string,
  { world, dice }: { world: World; dice: Dice },
): Promise<NewTask | undefined> {
  const problems = await world.store.problems.open(deployment);
  if (problems.length === 0) return undefined;
  const choose = ({ type }: Problem): string | null =>
    dice.oneIn(3) ? null : dice.oneIn(2) ? (likely[type] ?? null) : dice.oneOf(Object.keys(kinds[type].resolutions));
  return apply(deployment, Object.fromEntries(problems.map((problem) => [problem.id, choose(problem)])));
}

/** What repairs. */
const likely: Readonly<Record<string, string>> = {
  missing_vm: 'recreate_vm',
  unresponsive_agent: 'recreate_vm',
  missing_disk: 'delete_disk_reference',
};

function apply(deployment: string, resolutions: ApplyResolutionsArgs['resolutions']): NewTask {
  return ofDeployment('cck_apply', deployment, { resolutions, maxInFlightOverrides: {} });
}

export function scanAndFix(deployment: string, instances: readonly Instance[]): NewTask {
  const jobs: Record<string, string[]> = {};
  for (const { group, id: instance } of instances) jobs[group] = [...(jobs[group] ?? []), instance];
  return ofDeployment('cck_scan_and_fix', deployment, { jobs } satisfies Partial<ScanAndFixArgs>);
}

/** A VM of an instance that is not ignored, by its cid. */
export async function deleteSomeVm({ world, dice }: { world: World; dice: Dice }): Promise<NewTask | undefined> {
  const instances = (await world.store.instances.all()).filter(({ ignore, compilation }) => !ignore && !compilation);
  const cids = instances.flatMap(({ vms }) => vms.flatMap(({ cid }) => cid ?? []));
  return cids.length === 0 ? undefined : newTask('delete_vm', { args: { name: dice.oneOf(cids) } });
}

/** After a scan and fix that says that it is complete, those that it was told of run. */
export async function fixedViolations(world: World, task: TaskId): Promise<string[]> {
  const { type, args } = (await world.store.tasks.get(task)) ?? {};
  if (type !== 'cck_scan_and_fix') return [];
  const { deployment, jobs } = args as ScanAndFixArgs;
  const named = new Set(Object.values(jobs).flat());
  const instances = await world.store.instances.ofDeployment(deployment);
  return instances
    .filter((instance) => named.has(instance.id) && !instance.ignore && expectsVm(instance) && instance.spec !== null)
    .flatMap((instance) => {
      const vm = instance.vms.find(({ active }) => active);
      const machine = vm?.cid == null ? undefined : world.machines.agent(vm.cid);
      const title = `instance ${instance.id} after task ${task} (scan and fix)`;
      return machine?.isUp === true ? [] : runningViolations(world, instance, title);
    });
}

/** Forgets disks that are gone: nothing else can be done about them. */
export async function forgetLostDisks(
  deployment: string,
  world: World,
  ended: (task: NewTask) => Promise<{ state: string; result: string | null }>,
): Promise<string[]> {
  const scanned = await ended(scan(deployment));
  if (scanned.state !== 'done') return [`${deployment} cannot be scanned: ${scanned.result ?? ''}`];
  const open = await world.store.problems.open(deployment);
  const lost = open.filter(({ type }) => type === 'missing_disk');
  if (lost.length === 0) return [];
  const chosen = Object.fromEntries(lost.map((problem) => [problem.id, 'delete_disk_reference']));
  const { state, result } = await ended(apply(deployment, chosen));
  return state === 'done' ? [] : [`lost disks of ${deployment} cannot be forgotten: ${result ?? ''}`];
}
