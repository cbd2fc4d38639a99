import { CliError, during } from './failure.ts';
import { tokenInfo, UaaRefused, type Tokens, type Uaa } from './uaa.ts';

export interface Credentials {
  readonly client: string;
  readonly secret: string;
  /** Of a user who logged in to a UAA; otherwise empty ones. */
  readonly tokens: Tokens;
}

export const noTokens: Tokens = { accessToken: '', type: '', refreshToken: '' };

/** A token is not taken that ends on its way to the director. */
const marginMs = 5_000;

export interface TokenKeeping {
  readonly now: () => number;
  /** What the config file has by now: another program may have refreshed the same log-in. */
  readonly load: () => Promise<Tokens>;
  readonly save: (tokens: Tokens) => Promise<void>;
}

export type Authorization = (fresh: boolean) => Promise<string | undefined>;

/** HTTP basic; empty ones too: so the answer to them is "not authorized", and not a guess. */
export function basicAuthorization({ client, secret }: Credentials): Authorization {
  const basic = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
  return () => Promise.resolve(basic);
}

/** A bearer token: a client's, or a user's, which is refreshed and kept for the next command. */
export function tokenAuthorization(uaa: Uaa, credentials: Credentials, keeping: TokenKeeping): Authorization {
  if (credentials.client !== '') {
    let token: Promise<string> | undefined;
    return (fresh) => {
      if (token === undefined || fresh) token = uaa.forClient().then(header);
      return token;
    };
  }
  if (credentials.tokens.refreshToken === '') return () => Promise.resolve(undefined);
  let current = Promise.resolve(credentials.tokens);
  return async (fresh) => {
    // `/info` answers whoever has an old token too, and calls them nobody
    if (fresh || !lasts((await current).accessToken, keeping.now())) current = refreshed(uaa, await current, keeping);
    return header(await current);
  };
}

async function refreshed(uaa: Uaa, old: Tokens, { load, save, now }: TokenKeeping): Promise<Tokens> {
  const stored = await load();
  const newer = stored.refreshToken === '' || stored.refreshToken === old.refreshToken ? old : stored;
  if (newer !== old && lasts(newer.accessToken, now())) return newer;
  const tokens = await during('refreshing token', uaa.refreshed(newer.refreshToken)).catch((error: unknown) => {
    throw endedBy(error) ? new CliError('The log-in has ended: run `gantry log-in`', error) : error;
  });
  const kept = { ...tokens, refreshToken: tokens.refreshToken || newer.refreshToken };
  await save(kept);
  return kept;
}

/** One that does not tell its end is tried. */
function lasts(accessToken: string, nowMs: number): boolean {
  const { expiresAtMs = 0 } = tokenInfo(accessToken) ?? {};
  return accessToken !== '' && (expiresAtMs === 0 || expiresAtMs > nowMs + marginMs);
}

/** `Refreshing token` has it inside. */
const endedBy = (error: unknown): boolean =>
  error instanceof UaaRefused || (error instanceof CliError && error.inner.some(endedBy));

const header = ({ type, accessToken }: Tokens) => `${type} ${accessToken}`;
