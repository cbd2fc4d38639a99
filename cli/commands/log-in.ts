import type { Info } from '../../director/api/contract/info.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError, describeError } from '../failure.ts';
import type { Uaa } from '../uaa.ts';

/** Who mistypes a password so often should look it up. */
const attemptsMax = 5;

export const logInCommands: readonly CommandSpec[] = [
  { name: 'log-in', aliases: ['l', 'login'], text: 'Log in', run: (context) => logIn(context) },
  { name: 'log-out', aliases: ['logout'], text: 'Log out', run: (context) => logOut(context) },
];

async function logIn(context: Context): Promise<void> {
  const { type } = (await context.session.info()).user_authentication;
  if (type === 'basic') return logInBasic(context);
  if (type !== 'uaa') throw new CliError(`Unknown auth type '${type}'`);
  const uaa = await context.session.uaa();
  const { client } = await context.session.credentials();
  return client === '' ? logInUser(context, uaa) : logInClient(context, uaa);
}

/** Nothing to keep: a client asks for a token each time. */
async function logInClient({ ui }: Context, uaa: Uaa): Promise<void> {
  try {
    await uaa.forClient();
  } catch (error) {
    ui.errorLine('Failed to authenticate with UAA');
    throw error;
  }
  ui.line('Successfully authenticated with UAA');
}

async function logInUser({ ui, session }: Context, uaa: Uaa): Promise<void> {
  const prompts = await uaa.prompts();
  const environment = await session.environment();
  ui.line(`Using environment '${environment}'`);
  let why: unknown;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const answers: Record<string, string> = {};
    for (const { key, label, hidden } of prompts) {
      const answer = hidden ? await ui.askPassword(`${label} ()`) : await ui.askText(label);
      if (answer !== '') answers[key] = answer;
    }
    try {
      const tokens = await uaa.forUser(answers);
      await (await session.config()).withTokens(environment, tokens).save();
      ui.line('Successfully authenticated with UAA');
      return;
    } catch (error) {
      why = error;
      ui.errorLine('Failed to authenticate with UAA');
    }
  }
  throw new CliError('Invalid credentials', why);
}

async function logInBasic({ ui, session }: Context): Promise<void> {
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

async function logOut({ ui, session, globals }: Context): Promise<void> {
  if (globals.environment === '') throw new CliError('Expected non-empty Director URL');
  const environment = await session.environment();
  const config = await session.config();
  const { refreshToken } = config.tokens(environment);
  await config.withoutCredentials(environment).save();
  if (refreshToken !== '') await revoke({ ui, session }, refreshToken);
  ui.line(`Logged out from '${environment}'`);
}

/** Whoever is forgotten here should not be logged in there; but nobody is kept from leaving. */
async function revoke({ ui, session }: Pick<Context, 'ui' | 'session'>, refreshToken: string): Promise<void> {
  try {
    await (await session.uaa()).revoke(refreshToken);
  } catch (error) {
    ui.errorLine(`The log-in could not be ended at the director, and ends there by itself: ${describeError(error)}`);
  }
}
