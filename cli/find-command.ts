import { nearest } from '../common/suggest.ts';
import type { CommandSpec } from './command.ts';
import { CliError } from './failure.ts';

/** By name or alias. @throws CliError with the name that was probably meant, where there is one */
export function findCommand(commands: readonly CommandSpec[], name: string | undefined): CommandSpec {
  if (name === undefined) throw new CliError('Please specify one command of those that `gantry help` lists');
  const found = commands.find((command) => command.name === name || command.aliases?.includes(name));
  if (found !== undefined) return found;
  const meant = nearest(
    name,
    commands.map((command) => command.name),
  );
  throw new CliError(
    meant === undefined
      ? `Unknown command \`${name}'. Please specify one command of those that \`gantry help\` lists`
      : `Unknown command \`${name}', did you mean \`${meant}'?`,
  );
}
