import type { RunningDirector } from '../../director/main.ts';
import type { CommandSpec } from '../command.ts';
import { CliError, during } from '../failure.ts';
import { shellWord } from '../shell-word.ts';
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
    noClient: true,
    untilStopped: true,
    flags: [
      // here it is the director's file, not the one with the environments
      { name: 'config', value: 'FILE', text: "The director's config file", env: 'GANTRY_CONFIG' },
    ],
    run: async (context, given) => {
      const { ui, untilStopped } = context;
      const { startFromFile, stopGraceMs } = await import('../../director/main.ts');
      const path = given.on('config') ? pathFrom(context, given.text('config')) : undefined;
      const onTerminal = process.stderr.isTTY === true; // Node leaves it undefined elsewhere
      const stopped = untilStopped(); // from here on: a director that is half started must be closed too
      const director = await during('Starting the director', startFromFile(path, { terminal: onTerminal }));
      ui.line(`A director is up at ${director.url}, with ${director.infrastructure}.\n\n${theWay(director)}`);
      const { log } = director.files;
      ui.line(log === null ? 'Ctrl-C ends it. Its log:' : `Ctrl-C ends it. Its log is in ${log}.`);
      const broken = await Promise.race([stopped, director.broken]);
      ui.line(
        `Stopping. Tasks that run have ${stopGraceMs / 1000} s to end; what is left goes on at the next start. Ctrl-C again ends it at once.`,
      );
      const deployments = broken === undefined ? (await director.deployments()).length : 0; // else it cannot be asked
      await director.stop();
      ui.line('Stopped.');
      if (deployments > 0) {
        ui.line(
          `The machines of ${deployments === 1 ? 'its deployment' : `its ${deployments} deployments`} run on. To take ` +
            'them away, start it again and delete what it has deployed (`gantry -d NAME delete-deployment`).',
        );
      }
      // Whoever keeps the service running starts it again, and that mends it.
      if (broken !== undefined) throw new CliError('Running the director', broken);
    },
  },
];

/** What a client needs, to be pasted into another terminal. */
function theWay({ url, files: { ca, adminPassword } }: RunningDirector): string {
  const user =
    adminPassword === null
      ? 'export BOSH_CLIENT=... BOSH_CLIENT_SECRET=...    # one of the users in its config file'
      : `export BOSH_CLIENT=admin BOSH_CLIENT_SECRET="$(cat ${shellWord(adminPassword)})"`;
  const lines = [
    `export BOSH_ENVIRONMENT=${shellWord(url)}`,
    ca === null ? '' : `export BOSH_CA_CERT=${shellWord(ca)}`,
    user,
  ];
  return `Point \`gantry\` or \`bosh\` at it, in another terminal:\n\n${lines
    .filter((line) => line !== '')
    .map((line) => `  ${line}`)
    .join('\n')}`;
}
