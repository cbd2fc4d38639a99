import type { CommandSpec } from '../command.ts';
import { globalFlags } from '../globals.ts';
import type { FlagSpec } from '../given.ts';
import { argumentsOf, offered, valueKindOf, whereFlags } from './kinds.ts';

const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;

/** Flags of a command are offered once it stands on the line; files as its arguments fish offers itself. */
export function fish(all: readonly CommandSpec[]): string {
  const commands = offered(all);
  const names = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  return [
    '# gantry completion fish | source\n',
    `function __gantry_needs_command\n  not __fish_seen_subcommand_from ${names.join(' ')}\nend\n`,
    namesFunction,
    ...globalFlags.map((flag) => flagLine('', flag)),
    ...commands.flatMap(argumentsLine),
    ...commands.flatMap(({ name, aliases = [], text, flags = [] }) => [
      `complete -c gantry -n ${quoted('__gantry_needs_command')} -f -a ${name} -d ${quoted(text)}\n`,
      ...flags.map((flag) =>
        flagLine(` -n ${quoted(`__fish_seen_subcommand_from ${[name, ...aliases].join(' ')}`)}`, flag),
      ),
    ]),
  ].join('');
}

function argumentsLine(command: CommandSpec): string[] {
  const { words, files } = argumentsOf(command);
  if (files) return [];
  const condition = `__fish_seen_subcommand_from ${[command.name, ...(command.aliases ?? [])].join(' ')}`;
  const choice = words.length === 0 ? '' : ` -a ${quoted(words.join(' '))}`;
  return [`complete -c gantry -n ${quoted(condition)} -f${choice}\n`];
}

const namesFunction = `function __gantry_names
  set -l words (commandline -opc)
  set -l where --non-interactive
  for i in (seq 2 (count $words))
    switch $words[$i]
      case ${whereFlags.join(' ')}
        # the last one's value is what is looked for
        test $i -lt (count $words); and set -a where $words[$i..(math $i + 1)]
      case ${whereFlags.map((flag) => quoted(`${flag}=*`)).join(' ')}
        set -a where $words[$i]
    end
  end
  gantry completion --names $argv[1] $where 2>/dev/null
end
`;

function flagLine(condition: string, flag: FlagSpec): string {
  const { name, short, text } = flag;
  const both = `-l ${name}${short === undefined ? '' : ` -s ${short}`}`;
  return `complete -c gantry${condition} ${both}${valueOf(flag)} -d ${quoted(text)}\n`;
}

function valueOf(flag: FlagSpec): string {
  const kind = valueKindOf(flag);
  switch (kind) {
    case undefined:
      return '';
    case 'files':
      return ' -r -F';
    case 'unknown':
      return ' -x';
    default:
      return ` -x -a ${quoted(`(__gantry_names ${kind})`)}`;
  }
}
