import { createHash } from 'node:crypto';
import type { Chance } from '../../../common/chance.ts';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import type { LogIn, LogIns } from '../../store/log-ins.ts';
import type { People, Person } from '../people.ts';
import type { PasswordCheck } from '../password-check.ts';
import type { StoredPassword } from '../password.ts';
import type { AccessTokens, Bearer } from './access-tokens.ts';
import { GrantRefused } from './grant-refused.ts';

/** A program with a secret that speaks for itself. */
export interface Client {
  name: string;
  password: StoredPassword;
  scopes: readonly string[];
}

/** Through what users log in: without a secret, as the bosh CLI is everywhere. */
export const publicClient = 'bosh_cli';

/**
 * Several programs of one user (a deploy here, a listing there) began with the same token and know nothing of each
 * other: one that was used already is good for so long. Later it was stolen, from them or by them.
 */
const reuseMs = 10 * 60_000;

export interface IssuerDeps {
  tokens: AccessTokens;
  people: People;
  clients: PasswordCheck<Client>;
  logIns: LogIns;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** From a password on; then it has to be given again. */
  logInMs: number;
}

/** What a client sent to the token endpoint. */
export interface GrantRequest {
  client: { name: string; secret: string } | undefined;
  parameters: ReadonlyMap<string, string>;
  /** The address that it came from. */
  from: string;
}

/** The answer, in the words of RFC 6749, 5.1, and UAA's. */
export interface TokenAnswer {
  access_token: string;
  token_type: 'bearer';
  expires_in: number;
  scope: string;
  jti: string;
  refresh_token?: string;
}

/** Gives out tokens for passwords, secrets and refresh tokens. Each refresh token is good once. */
export class Issuer {
  readonly #deps: IssuerDeps;

  constructor(deps: IssuerDeps) {
    this.#deps = deps;
  }

  /** @throws GrantRefused; OperatorError where a source of users can't be asked */
  async grant(request: GrantRequest): Promise<TokenAnswer> {
    const grant = request.parameters.get('grant_type');
    switch (grant) {
      case 'client_credentials':
        return this.#forClient(request);
      case 'password':
        return this.#forPassword(request);
      case 'refresh_token':
        return this.#forRefreshToken(request);
      case undefined:
        throw new GrantRefused('invalid_request', 'Missing grant type');
      default:
        throw new GrantRefused('unsupported_grant_type', `Unsupported grant type: ${grant.slice(0, 100)}`);
    }
  }

  /** Ends the log-in that a refresh token is of; what is no token is nothing to end. */
  async revoke(token: string): Promise<void> {
    const found = await this.#deps.logIns.find(hashOf(token));
    if (found === undefined) return;
    await this.#deps.logIns.end(found.logIn.id);
    this.#deps.log.info('log-in-ended', { user: found.logIn.user });
  }

  async revokeAllOf(user: string): Promise<number> {
    const count = await this.#deps.logIns.endOf(user);
    this.#deps.log.info('log-ins-revoked', { user, count });
    return count;
  }

  /** A client that proves itself with its secret. @throws GrantRefused */
  async clientOf({ client, from }: Pick<GrantRequest, 'client' | 'from'>): Promise<Client> {
    if (client === undefined || client.name === publicClient) throw badClient();
    const found = await this.#deps.clients.check(client.name, client.secret, from);
    if (found === 'throttled') throw tooMany();
    if (found === 'wrong') throw badClient();
    return found;
  }

  async #forClient(request: GrantRequest): Promise<TokenAnswer> {
    const client = await this.clientOf(request);
    const scopes = narrowed(client.scopes, wantedScopes(request));
    return this.#answer({ client: client.name, scopes }, 'client_credentials');
  }

  async #forPassword(request: GrantRequest): Promise<TokenAnswer> {
    this.#mustBePublic(request);
    const { people, logIns, clock, chance, logInMs } = this.#deps;
    const [name, password] = [request.parameters.get('username'), request.parameters.get('password')];
    if (!name || !password) throw new GrantRefused('invalid_request', 'Missing username or password');
    const person = await people.logIn(name, password, request.from);
    if (person === 'throttled') throw tooMany();
    if (person === 'wrong') throw new GrantRefused('unauthorized', 'Bad credentials');
    const wanted = wantedScopes(request);
    const bearer = bearerOf(person, wanted);
    const nowMs = clock.now();
    const refreshToken = newRefreshToken(chance, bearer);
    await logIns.prune(nowMs);
    await logIns.create(
      {
        id: chance.uuid(),
        user: person.name,
        source: person.source,
        client: publicClient,
        scopes: wanted,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + logInMs,
      },
      hashOf(refreshToken),
    );
    return this.#answer(bearer, 'password', refreshToken);
  }

  async #forRefreshToken(request: GrantRequest): Promise<TokenAnswer> {
    this.#mustBePublic(request);
    const { people, logIns, clock, chance, log } = this.#deps;
    const given = request.parameters.get('refresh_token') ?? '';
    const found = await logIns.find(hashOf(given));
    if (found === undefined || found.logIn.expiresAtMs <= clock.now()) throw badRefreshToken();
    const { logIn, usedAtMs } = found;
    if (usedAtMs !== null && clock.now() - usedAtMs > reuseMs) {
      await logIns.end(logIn.id);
      log.warn('refresh-token-used-again', { user: logIn.user, usedAtMs });
      throw badRefreshToken();
    }
    const person = await people.find(logIn.user, logIn.source);
    if (person === undefined) {
      await logIns.end(logIn.id);
      throw badRefreshToken();
    }
    const bearer = bearerAgain(person, logIn);
    const refreshToken = newRefreshToken(chance, bearer);
    const change = { logIn: logIn.id, from: hashOf(given), to: hashOf(refreshToken), nowMs: clock.now() };
    if (!(await logIns.rotate(change))) throw badRefreshToken();
    return this.#answer(bearer, 'refresh_token', refreshToken);
  }

  #mustBePublic({ client, parameters }: GrantRequest): void {
    const name = client?.name ?? parameters.get('client_id');
    if (name !== publicClient || (client?.secret ?? '') !== '') throw badClient();
  }

  async #answer(bearer: Bearer, grant: string, refreshToken?: string): Promise<TokenAnswer> {
    const { token, id, expiresInS } = await this.#deps.tokens.sign(bearer, grant);
    return {
      access_token: token,
      token_type: 'bearer',
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      expires_in: expiresInS,
      scope: bearer.scopes.join(' '),
      jti: id,
    };
  }
}

function bearerOf({ name, source, scopes }: Person, wanted: readonly string[] | null): Bearer {
  return { client: publicClient, user: { name, source }, scopes: narrowed(scopes, wanted) };
}

/** What was asked for at first and is not granted any more is left out: nobody has to log in again for that. */
function bearerAgain(person: Person, { scopes: wanted }: LogIn): Bearer {
  const scopes = wanted === null ? person.scopes : person.scopes.filter((scope) => wanted.includes(scope));
  return bearerOf({ ...person, scopes }, null);
}

function wantedScopes({ parameters }: GrantRequest): string[] | null {
  const wanted = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  return wanted.length === 0 ? null : wanted;
}

function narrowed(granted: readonly string[], wanted: readonly string[] | null): readonly string[] {
  const foreign = wanted?.find((scope) => !granted.includes(scope));
  if (foreign !== undefined) throw new GrantRefused('invalid_scope', `${foreign} is not allowed`);
  return wanted ?? granted;
}

/**
 * Looks like a token, since the bosh CLI reads from it whom it is of; the last part is no signature but what is random
 * about it, so that nobody takes it for an access token.
 */
function newRefreshToken(chance: Chance, { user, scopes }: Bearer): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'opaque', typ: 'refresh' });
  return `${head}.${part({ jti: `${chance.hex(16)}-r`, user_name: user?.name, scope: scopes })}.${chance.hex(32)}`;
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('base64');

const badClient = () => new GrantRefused('invalid_client', 'Bad client credentials');
const badRefreshToken = () => new GrantRefused('invalid_token', 'The refresh token is not valid, or not any more');
const tooMany = () => new GrantRefused('unauthorized', 'Too many wrong passwords; wait a minute before the next try');
