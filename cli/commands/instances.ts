import pLimit from 'p-limit';
import type { DeploymentSummary, FullInstance } from '../../director/api/contract/deployments.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliErrors, during } from '../failure.ts';
import { instanceRows, type InstanceView, processesOf, isRunning, titlesOf } from '../instance-rows.ts';
import { columnsOf, type Table } from '../ui/table.ts';

const vitals = { name: 'vitals', text: 'Show vitals' };

export const instanceCommands: readonly CommandSpec[] = [
  {
    name: 'instances',
    aliases: ['is'],
    text: 'List all instances in a deployment',
    flags: [
      { name: 'details', short: 'i', text: 'Show details including VM CID, persistent disk CID, etc.' },
      vitals,
      { name: 'ps', short: 'p', text: 'Show processes' },
      { name: 'failing', short: 'f', text: 'Only show failing instances' },
    ],
    run: (context, given) =>
      list(context, given, 'instances', {
        processes: given.on('ps'),
        deployment: true,
        details: given.on('details'),
        vm: false,
        stemcell: false,
        cloudProperties: false,
        vitals: given.on('vitals'),
      }),
  },
  {
    name: 'vms',
    text: 'List all VMs in all deployments',
    flags: [vitals, { name: 'cloud-properties', text: 'Show cloud properties' }],
    run: (context, given) =>
      list(context, given, 'vms', {
        processes: false,
        deployment: false,
        details: false,
        vm: true,
        stemcell: true,
        cloudProperties: given.on('cloud-properties'),
        vitals: given.on('vitals'),
      }),
  },
];

/** Of one deployment, or of each; those that can't be listed fail the command once the others are shown. */
async function list(context: Context, given: Given, what: 'instances' | 'vms', view: InstanceView): Promise<void> {
  const { ui, session, globals } = context;
  const client = await session.director();
  if (globals.deployment !== '') {
    const instances = await instancesOf(context, globals.deployment, what);
    return ui.table(await tableOf(globals.deployment, instances, what, view, given.on('failing')));
  }
  const deployments = await fetching<DeploymentSummary[]>(client, 'Finding deployments', paths.deployments);
  const limit = pLimit(globals.parallel);
  const results = await Promise.allSettled(
    deployments.map(({ name }) => limit(async () => ({ name, instances: await instancesOf(context, name, what) }))),
  );
  for (const result of results) {
    if (result.status === 'rejected') continue;
    const { name, instances } = result.value;
    ui.table(await tableOf(name, instances, what, view, given.on('failing')));
  }
  const failures = results.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  if (failures.length > 0) throw new CliErrors('', ...failures);
}

async function instancesOf(
  { session }: Context,
  deployment: string,
  what: 'instances' | 'vms',
): Promise<FullInstance[]> {
  const path = `${what === 'vms' ? paths.vms(deployment) : paths.instances(deployment)}?format=full`;
  const result = await during(`Listing deployment '${deployment}' ${what} infos`, session.run({ method: 'GET', path }));
  return result.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as FullInstance])); // the contract's
}

async function tableOf(
  deployment: string,
  instances: readonly FullInstance[],
  what: 'instances' | 'vms',
  view: InstanceView,
  failing: boolean,
): Promise<Table> {
  const shown = failing ? instances.filter((each) => !isRunning(each)) : instances;
  const rows = await Promise.all(
    shown.map((instance) => instanceRows(instance, { deployment, view, failing, processes: processesOf(instance) })),
  );
  return {
    title: `Deployment '${deployment}'`,
    content: what,
    columns: columnsOf(...titlesOf(view)),
    rows: rows.flat(),
    count: shown.length,
    // by process next, so that an instance stands before its processes
    sortBy: what === 'vms' ? [{ column: 0 }] : [{ column: 0 }, { column: 1 }],
  };
}
