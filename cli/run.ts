import { systemChance } from '../common/chance.ts';
import { systemClock } from '../common/clock.ts';
import type { CommandSpec } from './command.ts';
import { overview } from './commands/help.ts';
import { commands } from './commands.ts';
import { describeError } from './failure.ts';
import { findCommand } from './find-command.ts';
import { globalFlags, globalsOf } from './globals.ts';
import { parseCommandLine, splitCommand } from './parse.ts';
import { Session, type SessionDeps } from './session.ts';
import type { Ui, UiOptions, UiStreams } from './ui/ui.ts';

export interface CliOptions {
  /** What follows the program's name. */
  readonly words: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly streams: UiStreams;
  /** Whether people look at the output. */
  readonly terminal: boolean;
  readonly untilStopped: () => Promise<void>;
  readonly untilLeft?: () => Promise<void>;
  readonly onInterrupt: SessionDeps['onInterrupt'];
  readonly version: string;
}

const plain: UiOptions = { json: false, terminal: false, color: false, interactive: true, columns: [] };

/** Runs one command line. Gives the exit code: 0, or 1 for every failure, as the bosh CLI does. */
export async function runCli(options: CliOptions): Promise<0 | 1> {
  const { words, env, streams, terminal } = options;
  const colorful = terminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  let ui = await openUi({ ...plain, terminal, color: colorful }, streams);
  let session: Session | undefined;
  try {
    const { name, rest, before } = splitCommand(words, globalFlags);
    if (before.some((word) => word === '-v' || word === '--version')) {
      streams.out(`version ${options.version}\n${terminal ? '\nSucceeded\n' : ''}`);
      return 0;
    }
    // who types the name alone learns what there is; the exit code is that of a command that is missing
    if (words.length === 0) ui.block(overview(commands));
    const { command, args } = chosen(name, rest, before);
    const given = parseCommandLine(command, args);
    const globals = globalsOf(given, env);
    const { json, tty, color, interactive, columns } = globals;
    const colored = color && colorful;
    ui = await openUi({ json, terminal: terminal || tty, color: colored, interactive, columns }, streams);
    session = new Session({ globals, ui, clock: systemClock, onInterrupt: options.onInterrupt });
    const { cwd, untilStopped, untilLeft = never } = options;
    await command.run(
      {
        ui,
        globals,
        env,
        color: colored,
        cwd,
        clock: systemClock,
        chance: systemChance,
        session,
        untilStopped,
        untilLeft,
      },
      given,
    );
    if (command.untilStopped !== true) ui.line('Succeeded');
    return 0;
  } catch (error) {
    ui.errorLine(describeError(error));
    ui.errorLine('Exit code 1');
    return 1;
  } finally {
    session?.close();
    ui.flush();
  }
}

const never = () => new Promise<void>(() => {});

/** The command that was meant; help for it, or for all, when help was asked for. */
function chosen(
  name: string | undefined,
  rest: readonly string[],
  before: readonly string[],
): { command: CommandSpec; args: readonly string[] } {
  const help = (words: readonly string[]) => words.some((word) => word === '-h' || word === '--help');
  const helpFor = (args: readonly string[]) => ({ command: findCommand(commands, 'help'), args });
  if (name === undefined && help(before)) return helpFor([]);
  const command = findCommand(commands, name);
  const ownWords = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  return help(ownWords) ? helpFor([command.name]) : { command, args: rest };
}

async function openUi(options: UiOptions, streams: UiStreams): Promise<Ui> {
  if (!options.json) return new (await import('./ui/text-ui.ts')).TextUi(options, streams);
  return new (await import('./ui/json-ui.ts')).JsonUi(options, streams);
}
