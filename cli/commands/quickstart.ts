import type { CommandSpec } from '../command.ts';

export const quickstartCommands: readonly CommandSpec[] = [
  {
    name: 'quickstart',
    text: 'Start a director, deploy the sample release on this machine, and show it',
    untilStopped: true,
    flags: [{ name: 'once', text: 'Take everything down again as soon as it was shown' }],
    run: async ({ ui, color, untilStopped }, given) => {
      const { quickstart } = await import('../quickstart/quickstart.ts');
      await quickstart({
        out: (line) => ui.block(`${line}\n`),
        color,
        stay: process.stdout.isTTY && !given.on('once'),
        stopped: untilStopped(),
        program: process.argv[1] ?? '',
      });
    },
  },
];
