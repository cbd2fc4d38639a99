import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../common/clock.ts';
import { systemChance } from '../../common/chance.ts';
import { silentLog } from '../../common/log.ts';
import { tokenIssuerRoutes } from '../../director/api/token-issuer.ts';
import { openIssuer, type IssuerOptions } from '../../director/auth/issuer/open-issuer.ts';
import { SigningKeys } from '../../director/auth/issuer/signing-keys.ts';
import type { TokenAnswer } from '../../director/auth/issuer/issuer.ts';
import { givenApi, type GivenApiOptions } from './given-api.ts';

export const issuerUrl = 'https://director.example:25555/uaa';

type Options = Partial<Pick<IssuerOptions, 'users' | 'clients' | 'directories' | 'urlFor' | 'log'>> & {
  api?: Omit<GivenApiOptions, 'authentication'>;
};

/** Making one takes a second on a bad day: one is enough for all stories of a file. */
let keys: Promise<string> | undefined;

async function keysText(file: string, nowMs: number): Promise<string> {
  await SigningKeys.kept(file, nowMs);
  return readFile(file, 'utf8');
}

/** A director whose users log in with its own issuer: tokens of 10 minutes, log-ins of a day, time by hand. */
export async function givenIssuer({ api: apiOptions, ...options }: Options = {}) {
  const clock = new VirtualClock(1_900_000_000_000);
  const dir = await mkdtemp(join(tmpdir(), 'given-issuer-'));
  keys ??= keysText(join(dir, 'token-keys.json'), clock.now());
  await writeFile(join(dir, 'token-keys.json'), await keys);
  const common = {
    keysFile: join(dir, 'token-keys.json'),
    users: [],
    clients: [],
    directories: [],
    accessTokenMs: 600_000,
    logInMs: 86_400_000,
    url: () => issuerUrl,
    urlFor: () => issuerUrl,
    clock,
    chance: systemChance,
    log: silentLog,
    ...options,
  };
  const api = await givenApi({
    ...apiOptions,
    authentication: async ({ store, permissions }) => {
      const issuer = await openIssuer({ ...common, logIns: store.logIns });
      const { log } = common;
      return {
        identity: issuer.identity,
        openRoutes: tokenIssuerRoutes({ ...issuer, permissions, log, version: '1' }),
      };
    },
  });

  const post = (path: string, form: Record<string, string>, client = 'bosh_cli:') =>
    fetch(`${api.url}/uaa${path}`, {
      method: 'POST',
      body: new URLSearchParams(form).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(client).toString('base64')}`,
      },
    });
  const token = async (form: Record<string, string>, client?: string): Promise<TokenAnswer> => {
    const answer = await post('/oauth/token', form, client);
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as TokenAnswer;
  };
  return {
    api,
    clock,
    post,
    token,
    /** The status of a refusal, with its two words. */
    refused: async (form: Record<string, string>, client?: string) => {
      const answer = await post('/oauth/token', form, client);
      return { status: answer.status, ...((await answer.json()) as { error?: string; error_description?: string }) };
    },
    logIn: (username: string, password: string) => token({ grant_type: 'password', username, password }),
    refresh: ({ refresh_token = '' }: Pick<TokenAnswer, 'refresh_token'>) =>
      token({ grant_type: 'refresh_token', refresh_token }),
    /** With a token, as the CLI sends it. */
    as: (path: string, { access_token }: { access_token: string }, init: RequestInit = {}) =>
      api.fetch(path, { ...init, user: null, headers: { authorization: `bearer ${access_token}` } }),
    close: async () => {
      await api.close();
      await rm(dir, { recursive: true });
    },
  };
}
