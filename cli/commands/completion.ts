import type { CommandSpec } from '../command.ts';
import { CliError } from '../failure.ts';
import type { FlagSpec } from '../given.ts';
import { globalFlags } from '../globals.ts';

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
    args: [{ name: 'SHELL' }],
    run: ({ ui }, given) => {
      const script = shells.get(given.arg(0));
      if (script === undefined)
        throw new CliError(
          `There is no completion script for '${given.arg(0)}': ${[...shells.keys()].join(', ')} are known`,
        );
      ui.block(script(all()));
      return Promise.resolve();
    },
  },
];

const longFlags = (command: CommandSpec) =>
  [...(command.flags ?? []), ...globalFlags].map(({ name }) => `--${name}`).join(' ');

function bash(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map((command) => {
    const called = [command.name, ...(command.aliases ?? [])].join('|');
    return `    ${called}) flags="${longFlags(command)}" ;;\n`;
  });
  return `# source <(gantry completion bash)
_gantry() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="" i flags=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -e|-d|--environment|--deployment|--config|--ca-cert|--client|--client-secret|--column|--parallel) ((i++)) ;;
      -*) ;;
      *) command="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  if [[ -z "$command" && "$word" != -* ]]; then
    COMPREPLY=($(compgen -W "${names}" -- "$word"))
    return
  fi
  case "$command" in
${cases.join('')}    *) flags="${globalFlags.map(({ name }) => `--${name}`).join(' ')}" ;;
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _gantry gantry
`;
}

function zsh(commands: readonly CommandSpec[]): string {
  // which a zsh without a configuration has not begun yet
  return `# source <(gantry completion zsh)
(( $+functions[compdef] )) || { autoload -U compinit && compinit }
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`;
}

/** Flags of a command are offered once it stands on the line; its arguments are mostly files, which fish offers itself. */
function fish(commands: readonly CommandSpec[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const flagLine = (condition: string, { name, short, text, value }: FlagSpec) =>
    `complete -c gantry${condition} -l ${name}${short === undefined ? '' : ` -s ${short}`}${value === undefined ? '' : ' -r'} -d ${quoted(text)}\n`;
  const names = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const bare = '__gantry_needs_command';
  return [
    '# gantry completion fish | source\n',
    `function __gantry_needs_command\n  not __fish_seen_subcommand_from ${names.join(' ')}\nend\n`,
    ...globalFlags.map((flag) => flagLine('', flag)),
    ...commands.flatMap(({ name, aliases = [], text, flags = [] }) => [
      `complete -c gantry -n ${quoted(bare)} -f -a ${name} -d ${quoted(text)}\n`,
      ...flags.map((flag) =>
        flagLine(` -n ${quoted(`__fish_seen_subcommand_from ${[name, ...aliases].join(' ')}`)}`, flag),
      ),
    ]),
  ].join('');
}
