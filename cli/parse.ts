import { Argument, Command, CommanderError, Option } from 'commander';
import type { CommandSpec } from './command.ts';
import { type FlagSpec, Given } from './given.ts';
import { CliError } from './failure.ts';
import { flagsOf } from './flags-of.ts';

/**
 * Reads a command line as go-flags does, since scripts are written for that: flags of all commands may stand anywhere,
 * `-d=name` is `-d name`, and a flag with an optional value takes it by `=` only. Commander would take the next word.
 */
export function parseCommandLine(command: CommandSpec, words: readonly string[]): Given {
  const { own, common } = flagsOf(command);
  // `-v` is a variable to those commands that know it
  const flags = [...own, ...common.map((flag) => withoutShort(flag, own))];
  const values = new Map<string, string[]>();
  const parser = parserOf(command, flags, (flag, value) => {
    values.set(flag.name, [...(values.get(flag.name) ?? []), value]);
  });
  try {
    parser.parse(normalized(words, flags), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw inWordsOfGoFlags(error, command, flags, parser.args);
    throw error;
  }
  const missing = flags.filter(({ name, required }) => required === true && !values.has(name));
  if (missing.length > 0)
    throw new CliError(
      missing.length === 1
        ? `the required flag ${missing.map(written).join()} was not specified`
        : `the required flags ${missing.map(written).join(' and ')} were not specified`,
    );
  return new Given(parser.args, values);
}

/** The first word that is neither a flag nor a flag's value, and the words without it. */
export function splitCommand(
  words: readonly string[],
  globals: readonly FlagSpec[],
): { name?: string; rest: string[]; before: string[] } {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!word.startsWith('-'))
      return { name: word, rest: words.filter((_, at) => at !== i), before: words.slice(0, i) };
    const flag = globals.find(({ name, short }) => word === `--${name}` || word === `-${short}`);
    if (flag?.value !== undefined) i++;
  }
  return { rest: [...words], before: [...words] };
}

function parserOf(
  command: CommandSpec,
  flags: readonly FlagSpec[],
  take: (flag: FlagSpec, value: string) => void,
): Command {
  const parser = new Command(command.name)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .helpOption(false)
    .allowUnknownOption(command.notBuilt === true) // they are bosh's
    .action(() => {});
  for (const { name, optional, many } of command.args ?? []) {
    const argument = many ? `${name}...` : name;
    parser.addArgument(new Argument(optional ? `[${argument}]` : `<${argument}>`));
  }
  for (const flag of flags) {
    const names = `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.name}`;
    const option = new Option(flag.value === undefined ? names : `${names} <${flag.value}>`);
    parser.addOption(option);
    parser.on(`option:${option.name()}`, (value?: string | null) => take(flag, value ?? ''));
  }
  return parser;
}

function normalized(words: readonly string[], flags: readonly FlagSpec[]): string[] {
  const end = words.indexOf('--');
  const upTo = end === -1 ? words.length : end;
  const out: string[] = [];
  for (let i = 0; i < upTo; i++) {
    const word = words[i] ?? '';
    const [, short, joined] = /^-([A-Za-z])=?(.*)$/s.exec(word) ?? [];
    const flag = flags.find((each) => word === `--${each.name}` || (short !== undefined && each.short === short));
    if (flag?.whenBare !== undefined) out.push(`--${flag.name}=${joined || flag.whenBare}`);
    else if (flag?.value !== undefined && word === (short === undefined ? `--${flag.name}` : `-${short}`)) {
      const [value] = words.slice(i + 1, i + 2);
      // a flag instead of a value is a value that was forgotten; `--flag=-x` says that it is meant
      if (value !== undefined && /^(-[^-\d]|--[^-])/.test(value))
        throw new CliError(`expected argument for flag ${written(flag)}, but got option \`${value}'`);
      out.push(word, ...words.slice(i + 1, i + 2));
      i++;
    } else if (flag?.value !== undefined && /^-[A-Za-z]=/.test(word)) out.push(`-${short}`, joined ?? '');
    else out.push(word);
  }
  return [...out, ...words.slice(upTo)];
}

function withoutShort(flag: FlagSpec, own: readonly FlagSpec[]): FlagSpec {
  if (!own.some(({ short }) => short !== undefined && short === flag.short)) return flag;
  const { short: _, ...rest } = flag;
  return rest;
}

function inWordsOfGoFlags(
  error: CommanderError,
  command: CommandSpec,
  flags: readonly FlagSpec[],
  args: readonly string[],
): CliError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return new CliError(`unknown flag \`${quoted.replace(/^-+/, '').replace(/=.*$/s, '')}'`);
    case 'commander.missingArgument': {
      const required = (command.args ?? []).filter(({ optional }) => optional !== true);
      const left = required.slice(args.length).map(({ name }) => `\`${name}\``);
      return new CliError(
        left.length === 1
          ? `the required argument ${left.join()} was not provided`
          : `the required arguments ${left.slice(0, -1).join(', ')} and ${left.at(-1)} were not provided`,
      );
    }
    case 'commander.excessArguments': {
      const extra = args.slice(command.args?.length ?? 0);
      return new CliError(`Command '${command.name}' does not support extra arguments: ${extra.join(', ')}`);
    }
    case 'commander.optionMissingArgument': {
      const flag = flags.find(({ name }) => error.message.includes(`--${name} `));
      return new CliError(`expected argument for flag ${flag === undefined ? quoted : written(flag)}`);
    }
    default:
      return new CliError(error.message);
  }
}

const written = ({ name, short }: FlagSpec) => `\`${short === undefined ? '' : `-${short}, `}--${name}'`;
