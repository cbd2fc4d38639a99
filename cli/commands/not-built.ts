import type { CommandSpec } from '../command.ts';
import { CliError } from '../failure.ts';

/** Commands of the bosh CLI that we know of and don't offer; scripts that call them shall learn why they fail. */
const notBuilt: ReadonlyArray<readonly [name: string, text: string, ...aliases: string[]]> = [
  ['create-env', 'Create or update BOSH environment'],
  ['delete-env', 'Delete BOSH environment'],
  ['stop-env', 'Stop BOSH environment'],
  ['start-env', 'Start BOSH environment'],
  ['delete-network', 'Delete network'],
  ['pcap', 'Capture network packets on instance(s)'],
];

export const notBuiltCommands: readonly CommandSpec[] = notBuilt.map(([name, text, ...aliases]) => ({
  name,
  aliases,
  text: `${text} (not built yet)`,
  notBuilt: true,
  args: [{ name: 'ARG', optional: true, many: true }],
  run: () =>
    Promise.reject(
      new CliError(
        name.endsWith('-env')
          ? `'${name}' is not built yet. The bosh CLI can do it: it needs no director for that.`
          : `'${name}' is not built yet, and neither is what the director would do for it.`,
      ),
    ),
}));
