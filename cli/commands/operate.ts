import { type InstanceAction, mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { groupAndInstance } from '../slugs.ts';
import { rfc3339 } from './deploy.ts';

const args = [{ name: 'INSTANCE-GROUP[/INSTANCE-ID]', optional: true }];
const skipDrain: FlagSpec = { name: 'skip-drain', text: 'Skip running drain and pre-stop scripts' };
const pace: readonly FlagSpec[] = [
  { name: 'canaries', value: 'N', text: 'Override manifest values for canaries' },
  { name: 'max-in-flight', value: 'N', text: 'Override manifest values for max_in_flight' },
  { name: 'converge', text: 'Converge the deployment state before running action (default)' },
  { name: 'no-converge', text: 'Act only on specified instance' },
];

export const operateCommands: readonly CommandSpec[] = [
  {
    name: 'start',
    text: 'Start instance(s)',
    args,
    flags: pace,
    run: (context, given) => operate('start', context, given),
  },
  {
    name: 'stop',
    text: 'Stop instance(s)',
    args,
    flags: [
      { name: 'soft', text: 'Stop process only (default)' },
      { name: 'hard', text: 'Delete VM (but keep persistent disk)' },
      skipDrain,
      ...pace,
    ],
    run: (context, given) => operate('stop', context, given),
  },
  {
    name: 'restart',
    text: 'Restart instance(s)',
    args,
    flags: [skipDrain, ...pace],
    run: (context, given) => operate('restart', context, given),
  },
  {
    name: 'recreate',
    text: 'Recreate instance(s)',
    args,
    flags: [
      skipDrain,
      { name: 'fix', text: 'Recreate an instance with an unresponsive agent instead of erroring' },
      {
        name: 'vms-created-before',
        value: 'TIME',
        text: 'Only recreate VMs created before the given RFC 3339 timestamp',
      },
      { name: 'dry-run', text: 'Renders job templates without altering deployment' },
      ...pace,
    ],
    run: (context, given) => operate('recreate', context, given),
  },
  {
    name: 'ignore',
    text: 'Ignore an instance',
    args: [{ name: 'INSTANCE-GROUP/INSTANCE-ID' }],
    run: (context, given) => setIgnored(true, context, given),
  },
  {
    name: 'unignore',
    text: 'Unignore an instance',
    args: [{ name: 'INSTANCE-GROUP/INSTANCE-ID' }],
    run: (context, given) => setIgnored(false, context, given),
  },
];

async function operate(action: InstanceAction, { ui, session }: Context, given: Given): Promise<void> {
  await session.director();
  const deployment = await session.deployment();
  const slug = groupAndInstance(given.arg(0));
  await ui.confirm();
  if (given.on('no-converge')) {
    checkAlone(action, given, slug);
    const path = withQuery(paths.instanceAction(deployment, slug.group, slug.instance, action), {
      skip_drain: given.on('skip-drain'),
      hard: given.on('hard'),
      ignore_unresponsive_agent: given.on('fix'),
    });
    await during('Non-converging action failed', session.run({ method: 'POST', path, headers: yaml, body: '' }));
    return;
  }
  const path = withQuery(pathOf(deployment, slug), {
    state: stateAfter(action, given.on('hard')),
    skip_drain: given.on('skip-drain'),
    fix: given.on('fix'),
    dry_run: given.on('dry-run'),
    canaries: given.text('canaries'),
    max_in_flight: given.text('max-in-flight'),
    recreate_vms_created_before: given.on('vms-created-before') ? rfc3339(given.text('vms-created-before')) : undefined,
  });
  await during('Changing state', session.run({ method: 'PUT', path, headers: yaml, body: '' }));
}

/** An ignored instance is left alone by every deploy. */
async function setIgnored(ignore: boolean, { session }: Context, given: Given): Promise<void> {
  const client = await session.director();
  const deployment = await session.deployment();
  const { group, instance } = groupAndInstance(given.arg(0));
  if (instance === '') throw new CliError(`Expected instance '${given.arg(0)}' to be in format 'name/index-or-id'`);
  await during(
    `Changing ignore state for '${group}/${instance}' in deployment '${deployment}'`,
    client.call({
      method: 'PUT',
      path: paths.ignoreInstance(deployment, group, instance),
      headers: { 'content-type': mediaTypes.json },
      body: JSON.stringify({ ignore }),
    }),
  );
}

const yaml = { 'content-type': mediaTypes.yaml };

/** What the director is asked to bring the instances to; `detached` is without a VM. */
function stateAfter(action: InstanceAction, hard: boolean): string {
  switch (action) {
    case 'start':
      return 'started';
    case 'stop':
      return hard ? 'detached' : 'stopped';
    case 'restart':
    case 'recreate':
      return action;
  }
}

function pathOf(deployment: string, { group, instance }: { group: string; instance: string }): string {
  if (instance !== '') return paths.instance(deployment, group, instance);
  return group === '' ? `${paths.deployment(deployment)}/jobs/*` : paths.group(deployment, group);
}

function checkAlone(action: InstanceAction, given: Given, { instance }: { instance: string }): void {
  for (const flag of ['converge', 'canaries', 'max-in-flight', 'dry-run'])
    if (given.on(flag)) throw new CliError(`Can't set ${flag} and no-converge`);
  if (instance !== '') return;
  throw new CliError(
    `You are trying to run ${action} with --no-converge on an entire instance group. This operation is not allowed. ` +
      'Try the --converge flag, or name one instance.',
  );
}
