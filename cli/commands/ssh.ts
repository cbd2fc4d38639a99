import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, during } from '../failure.ts';
import type { Given } from '../given.ts';
import { accessFlags, keyFlags } from '../ssh/flags.ts';
import { pathFrom } from '../template.ts';

export const sshCommands: readonly CommandSpec[] = [
  {
    name: 'ssh',
    text: 'SSH into instance(s)',
    args: [{ name: 'INSTANCE-GROUP[/INSTANCE-ID] | IP', optional: true }],
    flags: [
      { name: 'command', short: 'c', value: 'COMMAND', many: true, text: 'Command' },
      { name: 'opts', value: 'OPTS', many: true, text: 'Options of the ssh program, which is not used' },
      { name: 'results', short: 'r', text: 'Collect results into a table instead of streaming' },
      ...keyFlags,
      ...accessFlags,
    ],
    run: ssh,
  },
  {
    name: 'scp',
    text: 'SCP to/from instance(s)',
    args: [{ name: 'PATH', many: true }],
    flags: [{ name: 'recursive', short: 'r', text: 'Copy entire directories' }, ...keyFlags, ...accessFlags],
    run: scp,
  },
];

async function ssh(context: Context, given: Given): Promise<void> {
  const { ui, globals } = context;
  if (given.on('opts'))
    throw new CliError('--opts are for the ssh program, which gantry does not use: the bosh CLI takes them.');
  const command = given.list('command').join(' ');
  const talks = globals.interactive && !globals.json;
  if (command === '' && (given.on('results') || !talks))
    throw new CliError('Non-interactive SSH requires non-empty command');
  const { withAccess } = await import('../ssh/access.ts');
  await withAccess(context, given, [given.arg(0)], async (access) => {
    if (command === '') {
      const { openShell } = await import('../ssh/shell.ts');
      return during('Running SSH', openShell(access));
    }
    const { CollectedOutputs, PrefixedOutputs } = await import('../ssh/outputs.ts');
    const { runOnAll } = await import('../ssh/run-command.ts');
    const outputs = given.on('results') ? new CollectedOutputs(ui) : new PrefixedOutputs(ui);
    await during('Running SSH', runOnAll(access, command, outputs));
  });
}

async function scp(context: Context, given: Given): Promise<void> {
  const { copyAll, scpPath } = await import('../ssh/copy.ts');
  const paths = given.args.map(scpPath);
  const slug = paths.find((path) => path.slug !== null)?.slug;
  if (slug === undefined || slug === null)
    throw new CliError('Missing remote host information in source/destination arguments');
  const { withAccess } = await import('../ssh/access.ts');
  const recursive = given.on('recursive');
  await withAccess(context, given, [slug], (access) =>
    during('Running SCP', copyAll(access, paths, { recursive, local: (path) => pathFrom(context, path) })),
  );
}
