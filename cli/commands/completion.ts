import type { CommandSpec } from '../command.ts';
import { bash, zsh } from '../completion/bash.ts';
import { fish } from '../completion/fish.ts';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';

/** Shells that we write scripts for. */
const shells: ReadonlyMap<string, (commands: readonly CommandSpec[]) => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
]);

/** @param all every command, these among them */
export const completionCommands = (all: () => readonly CommandSpec[]): readonly CommandSpec[] => [
  {
    name: 'completion',
    text: 'Generate the autocompletion script for the specified shell (bash, zsh, fish)',
    args: [{ name: 'SHELL', optional: true, words: [...shells.keys()] }],
    flags: [
      { name: 'names', value: 'KIND', text: 'Print names for a script to offer instead: deployments, environments' },
    ],
    run: async (context, given) => {
      if (given.on('names')) return printNames(context, given.text('names'));
      const shell = given.arg(0);
      const known = [...shells.keys()].join(', ');
      if (shell === '') throw new CliError(`Name a shell: ${known}`);
      const script = shells.get(shell);
      if (script === undefined) throw new CliError(`There is no completion script for '${shell}': ${known} are known`);
      context.ui.block(script(all()));
    },
  },
];

async function printNames(context: Context, kind: string): Promise<void> {
  if (kind !== 'deployments' && kind !== 'environments')
    throw new CliError(`There are no names of '${kind}': deployments and environments are known`);
  const { namesOf } = await import('../completion/names.ts');
  const names = await namesOf(kind, context);
  context.ui.block(names.map((name) => `${name}\n`).join(''));
}
