import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, during } from '../failure.ts';
import type { Given } from '../given.ts';
import { withQuery } from '../query.ts';
import { groupAndInstance } from '../slugs.ts';
import { accessFlags } from '../ssh/flags.ts';

export const logCommands: readonly CommandSpec[] = [
  {
    name: 'logs',
    text: 'Fetch logs from instance(s)',
    args: [{ name: 'INSTANCE-GROUP[/INSTANCE-ID]', optional: true }],
    flags: [
      { name: 'dir', value: 'DIR', text: 'Destination directory', fallback: '.' },
      {
        name: 'only',
        value: 'FILTER',
        many: true,
        text: 'Filter logs to specific files by globs, such as JOB/*.log (comma-separated)',
      },
      { name: 'agent', text: 'Include only agent logs' },
      { name: 'system', text: 'Include only system logs' },
      { name: 'all-logs', text: 'Include all logs (agent, system, and job logs)' },
      { name: 'follow', short: 'f', text: 'Follow logs via SSH' },
      { name: 'num', value: 'N', text: 'Last number of lines, via SSH' },
      { name: 'quiet', short: 'q', text: 'No headers where several files are shown' },
      {
        name: 'job',
        value: 'NAME',
        many: true,
        text: 'Limit to only specific jobs (with --follow or --num)',
      },
      ...accessFlags,
    ],
    run: (context, given) => (given.on('follow') || given.on('num') ? tailLogs : fetchLogs)(context, given),
  },
];

async function fetchLogs(context: Context, given: Given): Promise<void> {
  const { session } = context;
  const { group, instance } = groupAndInstance(given.arg(0));
  await session.director();
  const deployment = await session.deployment();
  const path = withQuery(paths.logs(deployment, group || '*', instance || '*'), {
    filters: given.list('only').join(','),
    type: logTypes(given),
  });
  const { result } = await during('Fetching logs', session.ended({ method: 'GET', path }));
  if (result === null) throw new CliError('Fetching logs', new CliError('The director told of no logs'));
  const prefix = [deployment, group, instance].filter((part) => part !== '').join('.');
  const { downloadResource } = await import('../download.ts');
  const blob = { blobId: result, digest: '', prefix, dir: given.text('dir') || '.' };
  await during('Downloading logs', downloadResource(context, blob));
}

async function tailLogs(context: Context, given: Given): Promise<void> {
  const num = given.text('num') || '0';
  if (!/^\d{1,9}$/.test(num)) throw new CliError(`invalid argument for flag \`--num' (expected int): "${num}"`);
  const { tailCommand } = await import('../ssh/tail.ts');
  const command = tailCommand({
    follow: given.on('follow'),
    lines: Number(num),
    quiet: given.on('quiet'),
    jobs: given.list('job'),
    filters: given.list('only'),
    agent: given.on('agent'),
    system: given.on('system'),
    all: given.on('all-logs'),
  });
  const { withAccess } = await import('../ssh/access.ts');
  const { PrefixedOutputs } = await import('../ssh/outputs.ts');
  const { runOnAll } = await import('../ssh/run-command.ts');
  await withAccess(context, given, [given.arg(0)], (access) =>
    during('Running follow over non-interactive SSH', runOnAll(access, command, new PrefixedOutputs(context.ui))),
  );
}

/** As the director takes them. */
function logTypes(given: Given): string {
  if (given.on('all-logs')) return 'agent,job,system';
  if (given.on('agent')) return 'agent';
  return given.on('system') ? 'system' : 'job';
}
