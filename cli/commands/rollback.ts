import type { PastDeploySummary, RollbackQuery } from '../../director/api/contract/deployments.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { during } from '../failure.ts';
import type { FlagSpec, Given } from '../given.ts';
import { withQuery } from '../query.ts';
import { showPlan } from '../show-plan.ts';
import { type Cell, columnsOf, lines, number, time } from '../ui/table.ts';

const flags: readonly FlagSpec[] = [
  { name: 'dry-run', text: 'Show what would be done, and change nothing' },
  { name: 'fix', text: 'Recreate an instance with an unresponsive agent instead of erroring' },
  { name: 'skip-drain', text: 'Skip running drain and pre-stop scripts' },
  { name: 'canaries', value: 'N', text: 'Override manifest values for canaries' },
  { name: 'max-in-flight', value: 'N', text: 'Override manifest values for max_in_flight' },
];

export const rollbackCommands: readonly CommandSpec[] = [
  {
    name: 'history',
    text: 'List the deploys of a deployment that can be gone back to',
    args: [{ name: 'DEPLOYMENT' }],
    run: async ({ ui, session }, given) => {
      const deployment = given.arg(0);
      const path = paths.pastDeploys(deployment);
      const past = await fetching<PastDeploySummary[]>(await session.director(), 'Finding past deploys', path);
      ui.table({
        content: 'deploys',
        columns: columnsOf('Task', 'Deployed At', 'User', 'Release(s)', 'Stemcell(s)', 'Config(s)'),
        rows: past.map((deploy) => [
          number(deploy.task),
          time(deploy.deployed_at),
          deploy.user,
          versions(deploy.releases),
          versions(deploy.stemcells),
          lines([...deploy.cloud_config_ids, ...deploy.runtime_config_ids].map(String)),
        ]),
        sortBy: [{ column: 0, descending: true }],
        notes: ['The first is what the deployment is now, unless a deploy has failed since'],
      });
    },
  },
  {
    name: 'rollback',
    text: 'Go back to a former manifest, with the releases, stemcells and configs of then',
    args: [{ name: 'DEPLOYMENT' }, { name: 'TASK', optional: true }],
    flags,
    run: rollback,
  },
];

/** Like a deploy: first what it would do, then, when the operator agrees, just that. */
async function rollback({ ui, globals, session }: Context, given: Given): Promise<void> {
  const deployment = given.arg(0);
  const query: RollbackQuery = {
    ...(given.arg(1) === '' ? {} : { task: given.arg(1) }),
    ...(given.on('fix') ? { fix: 'true' } : {}),
    ...(given.on('skip-drain') ? { skip_drain: '*' } : {}),
    ...(given.text('canaries') === '' ? {} : { canaries: given.text('canaries') }),
    ...(given.text('max-in-flight') === '' ? {} : { max_in_flight: given.text('max-in-flight') }),
  };
  await session.director();
  const call = (more: RollbackQuery) => ({
    method: 'POST' as const,
    path: withQuery(paths.rollback(deployment), { ...query, ...more }),
  });
  const plan = await during('Planning the rollback', session.run(call({ dry_run: 'true' }), { quiet: true }));
  showPlan({ ui, globals }, plan);
  if (given.on('dry-run')) return;
  await ui.confirm();
  await during('Rolling back', session.run(call({})));
}

function versions(byName: Readonly<Record<string, string>>): Cell {
  return lines(Object.entries(byName).map(([name, version]) => `${name}/${version}`));
}
