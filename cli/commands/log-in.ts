import type { Info } from '../../director/api/contract/info.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError } from '../failure.ts';

/** Who mistypes a password so often should look it up. */
const attemptsMax = 5;

export const logInCommands: readonly CommandSpec[] = [
  { name: 'log-in', aliases: ['l', 'login'], text: 'Log in', run: (context) => logIn(context) },
  {
    name: 'log-out',
    aliases: ['logout'],
    text: 'Log out',
    run: async ({ ui, session, globals }) => {
      if (globals.environment === '') throw new CliError('Expected non-empty Director URL');
      const environment = await session.environment();
      await (await session.config()).withoutCredentials(environment).save();
      ui.line(`Logged out from '${environment}'`);
    },
  },
];

async function logIn({ ui, session }: Context): Promise<void> {
  const { type } = (await session.info()).user_authentication;
  if (type === 'uaa')
    throw new CliError(
      'Logging in users to a UAA is not built yet\nGive a UAA client with --client and --client-secret to every command instead.',
    );
  if (type !== 'basic') throw new CliError(`Unknown auth type '${type}'`);
  const environment = await session.environment();
  ui.line(`Using environment '${environment}'`);
  const given = await session.credentials();
  // the prompts are bosh's, for scripts that answer them
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const username = given.client === '' ? await ui.askText('Username') : given.client;
    const password = given.secret === '' ? await ui.askPassword('Password ()') : given.secret;
    const updated = (await session.config()).withCredentials(environment, { username, password });
    session.useConfig(updated);
    const { user } = await fetching<Info>(await session.director(), 'Fetching info', paths.info);
    if (user !== null && user !== '') {
      await updated.save();
      ui.line(`Logged in to '${environment}'`);
      return;
    }
    ui.errorLine(`Failed to login to '${environment}'`);
    if (given.client !== '' && given.secret !== '') break;
  }
  throw new CliError('Invalid credentials');
}
