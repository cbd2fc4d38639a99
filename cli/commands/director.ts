import type { CommandSpec } from '../command.ts';
import { CliError, during } from '../failure.ts';
import { pathFrom } from '../template.ts';

export const directorCommands: readonly CommandSpec[] = [
  {
    name: 'hash-password',
    text: "Hash a password for the users in a director's config file",
    run: async ({ ui }) => {
      const { hashPassword } = await import('../../director/main.ts');
      const password = await ui.askPassword('Password');
      if (password === '') throw new CliError('Expected a password on stdin');
      ui.block(`${await hashPassword(password)}\n`);
    },
  },
  {
    name: 'director',
    text: 'Run a director, until it is told to stop',
    flags: [
      // here it is the director's file, not the one with the environments
      { name: 'config', value: 'FILE', text: "The director's config file", env: 'GANTRY_CONFIG' },
    ],
    run: async (context, given) => {
      const { ui, untilStopped } = context;
      const { startFromFile } = await import('../../director/main.ts');
      const path = given.on('config') ? pathFrom(context, given.text('config')) : undefined;
      const stopped = untilStopped(); // from here on: a director that is half started must be closed too
      const director = await during('Starting the director', startFromFile(path));
      ui.line(`Director at ${director.url} (machines: ${director.infrastructure})`);
      const broken = await Promise.race([stopped, director.broken]);
      ui.line('Stopping');
      await director.stop();
      // Whoever keeps the service running starts it again, and that mends it.
      if (broken !== undefined) throw new CliError('Running the director', broken);
    },
  },
];
