import type { CommandSpec } from '../command.ts';
import type { FlagSpec } from '../given.ts';

/** Names that only a director or the config file knows. */
export type NameKind = 'deployments' | 'environments';
export type ValueKind = NameKind | 'files' | 'unknown';

/** What may stand behind a flag; undefined: a switch, or a flag whose value can only be joined by `=`. */
export function valueKindOf({ name, value, whenBare }: FlagSpec): ValueKind | undefined {
  if (value === undefined || whenBare !== undefined) return undefined;
  if (name === 'deployment') return 'deployments';
  if (name === 'environment') return 'environments';
  return /^(.*=)?(PATH|FILE|DIR|CERT)$/.test(value) ? 'files' : 'unknown';
}

/** Those that do something. */
export const offered = (all: readonly CommandSpec[]) => all.filter(({ notBuilt }) => notBuilt !== true);

/** What a command takes beside flags: words, files, or what nobody offers, such as the name of an instance. */
export function argumentsOf({ args = [] }: CommandSpec): { words: readonly string[]; files: boolean } {
  return {
    words: args.flatMap(({ words = [] }) => words),
    files: args.some(({ name }) => /^(PATH|PATH-TO-.*|SRC-DIR|URL)$/.test(name)),
  };
}

/** As they stand on a command line, those of a kind. */
export function spelled(flags: readonly FlagSpec[], kind?: ValueKind): string[] {
  return flags
    .filter((flag) => (kind === undefined ? valueKindOf(flag) !== undefined : valueKindOf(flag) === kind))
    .flatMap(({ name, short }) => [...(short === undefined ? [] : [`-${short}`]), `--${name}`]);
}

/** They say which director is asked for names, and as whom. */
export const whereFlags = ['-e', '--environment', '--config', '--ca-cert', '--client', '--client-secret'];
