import type { CommandSpec } from '../command.ts';
import { flagsOf } from '../flags-of.ts';
import { globalFlags } from '../globals.ts';
import type { FlagSpec } from '../given.ts';
import { argumentsOf, offered, spelled, whereFlags } from './kinds.ts';

const longNames = (flags: readonly FlagSpec[]) => flags.map(({ name }) => `--${name}`).join(' ');

/** Shell variables: the flags there are, those with a value, and of these the ones whose value is a file. */
const sets = (flags: readonly FlagSpec[]) =>
  `flags="${longNames(flags)}" valued="${spelled(flags).join(' ')}" files="${spelled(flags, 'files').join(' ')}"`;

/**
 * Bash breaks words at `=`, zsh does not: `--deployment=web` comes as three words or as one. Names and files go line by
 * line into what is offered: `compgen -W` expands its words, and would run the `$(…)` that somebody named a thing by.
 */
export function bash(all: readonly CommandSpec[]): string {
  const commands = offered(all);
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map((command) => {
    const { own, common } = flagsOf(command);
    const { words, files } = argumentsOf(command);
    const args = `words="${words.join(' ')}" paths="${files ? '-f' : ''}"`;
    return `        ${[command.name, ...(command.aliases ?? [])].join('|')}) ${sets([...own, ...common])} ${args} ;;\n`;
  });
  const where = whereFlags.join('|');
  return `# source <(gantry completion bash)
_gantry_names() {
  compopt +o filenames 2>/dev/null
  _gantry_offer < <(gantry completion --names "$1" "\${where[@]}" 2>/dev/null)
}
_gantry_offer() {
  local each
  while IFS= read -r each; do
    if [[ "$each" == "$word"* ]]; then COMPREPLY+=("$each"); fi
  done
}
_gantry() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="" flag="" prefix="" words="" paths="" i each where
  local ${sets(globalFlags)}
  where=(--non-interactive)
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    each="\${COMP_WORDS[i]}"
    if [[ " $valued " == *" $each "* ]]; then
      ((i++))
      if [[ "\${COMP_WORDS[i]}" == "=" ]] && ((i < COMP_CWORD)); then ((i++)); fi
      if ((i >= COMP_CWORD)); then
        flag="$each"
        [[ "$word" == "=" ]] && word=""
      else
        case "$each" in ${where}) where+=("$each" "\${COMP_WORDS[i]}") ;; esac
      fi
    elif [[ "$each" == -* ]]; then
      case "\${each%%=*}" in ${where}) where+=("$each") ;; esac
    elif [[ -z "$command" ]]; then
      command="$each"
      case "$command" in
${cases.join('')}      esac
    fi
  done
  if [[ -z "$flag" && "$word" == -*=* ]]; then
    flag="\${word%%=*}"
    prefix="$flag="
    word="\${word#*=}"
  fi
  if [[ -n "$flag" ]]; then
    case "$flag" in
      -d|--deployment) _gantry_names deployments ;;
      -e|--environment) _gantry_names environments ;;
      *) if [[ " $files " == *" $flag "* ]]; then _gantry_offer < <(compgen -f -- "$word"); fi ;;
    esac
    if [[ -n "$prefix" ]]; then COMPREPLY=("\${COMPREPLY[@]/#/$prefix}"); fi
  elif [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -z "$command" ]]; then
    COMPREPLY=($(compgen -W "${names}" -- "$word"))
  elif [[ -n "$words$paths" ]]; then
    _gantry_offer < <(compgen $paths -W "$words" -- "$word")
  fi
}
complete -o filenames -F _gantry gantry
`;
}

export function zsh(commands: readonly CommandSpec[]): string {
  // which a zsh without a configuration has not begun yet
  return `# source <(gantry completion zsh)
(( $+functions[compdef] )) || { autoload -U compinit && compinit }
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`;
}
