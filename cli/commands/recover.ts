import type { Problem } from '../../director/api/contract/problems.ts';
import { paths } from '../../director/api/contract/paths.ts';
import { groupBy } from '../../common/group-by.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import type { Given } from '../given.ts';
import { resolveProblems, scanForProblems } from '../problems.ts';
import { pathFrom } from '../template.ts';
import type { GroupPlan, RecoveryPlan } from '../recovery-plan.ts';
import { columnsOf, number } from '../ui/table.ts';
import type { Ui } from '../ui/ui.ts';

/** For a disaster: decisions by group and kind of problem, made once, written down, and carried out. */
export const recoverCommands: readonly CommandSpec[] = [
  {
    name: 'create-recovery-plan',
    text: 'Interactively generate a recovery plan for disaster repair',
    args: [{ name: 'PATH' }],
    run: createPlan,
  },
  {
    name: 'recover',
    text: 'Apply a recovery plan for disaster repair',
    args: [{ name: 'PATH' }],
    run: recover,
  },
];

async function createPlan(context: Context, given: Given): Promise<void> {
  const { ui } = context;
  const groups = await problemsByGroup(context);
  if (groups.size === 0) return ui.line('No problems found\n');
  const limits = await maxInFlightOf(context);
  const plan: RecoveryPlan = { instance_groups_plan: [] };
  for (const [name, problems] of groups) {
    ui.line(`Instance Group '${name}'\n`);
    const resolutions = await resolutionsByType(problems, ui);
    const limit = limits.get(name) ?? '';
    const override = await overrideOf(name, limit, ui);
    plan.instance_groups_plan.push({
      name,
      ...(override === '' ? {} : { max_in_flight_override: override }),
      planned_resolutions: resolutions,
    });
  }
  const { writeRecoveryPlan } = await import('../recovery-plan.ts');
  await writeRecoveryPlan(pathFrom(context, given.arg(0)), plan);
}

async function recover(context: Context, given: Given): Promise<void> {
  const { ui } = context;
  const groups = await problemsByGroup(context);
  if (groups.size === 0) return ui.line('No problems found\n');
  const { readRecoveryPlan } = await import('../recovery-plan.ts');
  const plans = (await readRecoveryPlan(pathFrom(context, given.arg(0)))).instance_groups_plan;
  for (const [name, problems] of groups) showPlan(name, problems, { plan: planOf(name, plans), ui });
  await ui.confirm();
  const answers = plans.flatMap((plan) =>
    (groups.get(plan.name) ?? []).map(({ id, type }) => [id, plan.planned_resolutions[type] ?? ''] as const),
  );
  const overrides = plans.flatMap(({ name, max_in_flight_override: override }) =>
    override === undefined || override === '' ? [] : [[name, String(override)] as const],
  );
  await resolveProblems(context, new Map(answers), Object.fromEntries(overrides));
}

/** By name. */
async function problemsByGroup(context: Context): Promise<Map<string, Problem[]>> {
  return byKey(await scanForProblems(context), (problem) => problem.instance_group);
}

function byKey(problems: readonly Problem[], key: (problem: Problem) => string): Map<string, Problem[]> {
  return new Map([...groupBy(problems, key)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function resolutionsByType(problems: readonly Problem[], ui: Ui): Promise<Record<string, string>> {
  const chosen: Array<[string, string]> = [];
  for (const [type, list] of byKey(problems, (problem) => problem.type)) {
    ui.table({
      title: `Problem type: ${type}`,
      content: `${type} problems`,
      columns: columnsOf('#', 'Description'),
      rows: list.map(({ id, description }) => [number(id), description]),
      sortBy: [{ column: 0 }],
    });
    const choices = list[0]?.resolutions ?? [];
    const index = await ui.askChoice(
      type,
      choices.map(({ plan }) => plan),
    );
    chosen.push([type, choices[index]?.name ?? '']);
  }
  return Object.fromEntries(chosen);
}

/** Empty: the group's own limit stays. */
async function overrideOf(group: string, limit: string, ui: Ui): Promise<string> {
  try {
    await ui.confirm(`Override current max_in_flight value of '${limit}'?`);
  } catch {
    return '';
  }
  return ui.askText(`max_in_flight override for '${group}'`, limit);
}

/** As the manifest has it: of the group, else of the deployment. */
async function maxInFlightOf({ session }: Context): Promise<Map<string, string>> {
  const client = await session.director();
  const name = await session.deployment({ quiet: true });
  const { manifest } = await fetching<{ manifest: string }>(client, 'Fetching manifest', paths.deployment(name));
  const { readYaml } = await import('../../manifests/yaml.ts');
  const { value } = readYaml(manifest, 'manifest');
  const { update, instance_groups: groups = [] } = value as ManifestLimits; // the director has deployed it
  return new Map(
    groups.map((group) => [group.name, String(group.update?.max_in_flight ?? update?.max_in_flight ?? '<nil>')]),
  );
}

interface ManifestLimits {
  update?: { max_in_flight?: string | number };
  instance_groups?: Array<{ name: string; update?: { max_in_flight?: string | number } }>;
}

function planOf(group: string, plans: readonly GroupPlan[]): GroupPlan | undefined {
  return plans.find(({ name }) => name === group);
}

function showPlan(
  name: string,
  problems: readonly Problem[],
  { plan, ui }: { plan: GroupPlan | undefined; ui: Ui },
): void {
  const override = plan?.max_in_flight_override ?? '';
  const limit = override === '' ? '' : ` (max_in_flight override: ${override})`;
  const planned = ({ type, resolutions }: Problem) =>
    resolutions.find((each) => each.name === plan?.planned_resolutions[type])?.plan ?? 'No resolution planned';
  ui.table({
    title: `Instance Group '${name}' plan summary${limit}`,
    columns: columnsOf('#', 'Planned resolution', 'Description'),
    rows: problems.map((problem) => [number(problem.id), planned(problem), problem.description]),
    sortBy: [{ column: 0 }],
  });
}
