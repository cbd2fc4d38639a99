import type { CommandSpec } from '../command.ts';
import type { FlagSpec } from '../given.ts';
import { findCommand } from '../find-command.ts';
import { flagsOf } from '../flags-of.ts';
import { globalFlags } from '../globals.ts';

/** @param all every command, these among them */
export const helpCommands = (all: () => readonly CommandSpec[]): readonly CommandSpec[] => [
  {
    name: 'help',
    text: 'Show this help message',
    args: [{ name: 'COMMAND', optional: true }],
    run: ({ ui }, given) => {
      const name = given.arg(0);
      ui.block(name === '' ? overview(all()) : usageOf(findCommand(all(), name)));
      return Promise.resolve();
    },
  },
];

/** What there is. */
export function overview(commands: readonly CommandSpec[]): string {
  return [
    'Usage:\n  gantry [OPTIONS] <command>\n\nApplication Options:\n',
    ...flagLines(globalFlags),
    '\nAvailable commands:\n',
    ...columns(commands.map(({ name, aliases = [], text }) => [name, text + aliasText(aliases)])),
  ].join('');
}

function usageOf(command: CommandSpec): string {
  const { name, aliases = [], text, args = [] } = command;
  const { own, common } = flagsOf(command);
  const options = own.length === 0 ? '' : ` [${name}-OPTIONS]`;
  const shown = args.map(({ name: arg, optional, many }) => {
    const word = many ? `${arg}...` : arg;
    return optional ? ` [${word}]` : ` ${word}`;
  });
  return [
    `Usage:\n  gantry [OPTIONS] ${name}${options}${shown.join('')}\n\n${text}${aliasText(aliases)}\n\nApplication Options:\n`,
    ...flagLines(common),
    ...(own.length === 0 ? [] : [`\n[${name} command options]\n`, ...flagLines(own)]),
  ].join('');
}

const aliasText = (aliases: readonly string[]) => (aliases.length === 0 ? '' : ` (aliases: ${aliases.join(', ')})`);

function flagLines(flags: readonly FlagSpec[]): string[] {
  return columns(
    flags.map(({ name, short, value, whenBare, text, env, fallback }) => {
      const joined = value === undefined ? '' : whenBare === undefined ? `=${value}` : `[=${value}]`;
      const defaults = fallback === undefined ? '' : ` (default: ${fallback})`;
      return [
        `${short === undefined ? '    ' : `-${short}, `}--${name}${joined}`,
        text + defaults + (env === undefined ? '' : ` [$${env}]`),
      ];
    }),
  );
}

function columns(rows: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`);
}
