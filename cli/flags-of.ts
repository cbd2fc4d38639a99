import type { CommandSpec } from './command.ts';
import type { FlagSpec } from './given.ts';
import { globalFlags } from './globals.ts';

/** Those that a command takes, its own and the common ones. Its own stands in place of a common one of that name. */
export function flagsOf({ flags = [], noClient }: CommandSpec): {
  own: readonly FlagSpec[];
  common: readonly FlagSpec[];
} {
  const common = noClient ? globalFlags.filter(({ name }) => name === 'help') : globalFlags;
  return { own: flags, common: common.filter(({ name }) => !flags.some((own) => own.name === name)) };
}
