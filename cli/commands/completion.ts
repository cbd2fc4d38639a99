import type { CommandSpec } from '../command.ts';
import { CliError } from '../failure.ts';
import { globalFlags } from '../globals.ts';

/** Shells that we write scripts for. */
const shells = { bash, zsh } as const;

/** @param all every command, these among them */
export const completionCommands = (all: () => readonly CommandSpec[]): readonly CommandSpec[] => [
  {
    name: 'completion',
    text: 'Generate the autocompletion script for the specified shell (bash, zsh)',
    args: [{ name: 'SHELL' }],
    run: ({ ui }, given) => {
      const shell = given.arg(0);
      if (shell !== 'bash' && shell !== 'zsh')
        throw new CliError(`There is no completion script for '${shell}': bash and zsh are known`);
      ui.block(shells[shell](all()));
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
  return `# source <(gantry completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`;
}
