import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { JOSEError } from 'jose/errors';
import type { Chance } from '../../../common/chance.ts';
import type { Clock } from '../../../common/clock.ts';
import { signingAlgorithm, type SigningKeys } from './signing-keys.ts';

/** Whom a token speaks for. */
export interface Bearer {
  client: string;
  scopes: readonly string[];
  /** Undefined: the client for itself. */
  user?: { name: string; source: string };
}

export interface SignedToken {
  token: string;
  id: string;
  expiresInS: number;
}

export interface AccessTokensDeps {
  keys: SigningKeys;
  clock: Clock;
  chance: Chance;
  /** The issuer as its tokens name it. */
  issuer: () => string;
  lifetimeMs: number;
}

/** Tokens as UAA makes them, with the claims that directors, config servers and CLIs read. */
export class AccessTokens {
  readonly #deps: AccessTokensDeps;

  constructor(deps: AccessTokensDeps) {
    this.#deps = deps;
  }

  async sign({ client, scopes, user }: Bearer, grant: string): Promise<SignedToken> {
    const { keys, clock, chance, issuer, lifetimeMs } = this.#deps;
    const nowS = Math.floor(clock.now() / 1000);
    const expiresInS = Math.floor(lifetimeMs / 1000);
    const id = chance.hex(16);
    const ofUser =
      user === undefined
        ? { sub: client, authorities: scopes }
        : { sub: user.name, user_id: user.name, user_name: user.name, origin: user.source };
    const token = await new SignJWT({
      ...ofUser,
      jti: id,
      scope: scopes,
      client_id: client,
      cid: client,
      azp: client,
      grant_type: grant,
      iat: nowS,
      exp: nowS + expiresInS,
      iss: issuer(),
      zid: 'uaa',
      aud: audiences(client, scopes),
    })
      .setProtectedHeader({ alg: signingAlgorithm, kid: keys.newest.kid, typ: 'JWT' })
      .sign(keys.newest.key);
    return { token, id, expiresInS };
  }

  /** Why it is none of ours, or not any more; else its claims. */
  async verify(token: string): Promise<{ claims: JWTPayload } | { refused: string }> {
    const { keys, clock, issuer } = this.#deps;
    try {
      const { payload } = await jwtVerify(token, keys.byToken, {
        algorithms: [signingAlgorithm],
        issuer: issuer(),
        requiredClaims: ['exp', 'jti', 'client_id', 'scope'],
        currentDate: new Date(clock.now()),
      });
      return { claims: payload };
    } catch (thrown) {
      if (thrown instanceof JOSEError) return { refused: thrown.message };
      throw thrown;
    }
  }
}

/** As UAA: the client, and what is before the last dot of each scope. */
function audiences(client: string, scopes: readonly string[]): string[] {
  const resources = scopes.map((scope) => scope.slice(0, Math.max(0, scope.lastIndexOf('.'))));
  return [...new Set([client, ...resources])].filter((each) => each !== '');
}
