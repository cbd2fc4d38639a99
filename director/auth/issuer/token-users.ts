import type { IncomingHttpHeaders } from 'node:http';
import type { JWTPayload } from 'jose';
import type { Log } from '../../../common/log.ts';
import type { PasswordCheck } from '../password-check.ts';
import { localSource, type People } from '../people.ts';
import { bearerTokenOf } from '../bearer.ts';
import { authorizationOf, type IdentityProvider, type User } from '../user.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { Client } from './issuer.ts';

export interface TokenUsersDeps {
  tokens: AccessTokens;
  people: People;
  clients: PasswordCheck<Client>;
  log: Log;
  /** Where clients reach the issuer, by the Host header with which they reach the director. */
  urlFor: (host: string | undefined) => string;
}

/** Whoever comes with a token of the director's own issuer. */
export class TokenUsers implements IdentityProvider {
  readonly #deps: TokenUsersDeps;

  constructor(deps: TokenUsersDeps) {
    this.#deps = deps;
  }

  clientInfo(host?: string) {
    const url = this.#deps.urlFor(host);
    return { type: 'uaa', options: { url, urls: [url] } };
  }

  async identify(headers: IncomingHttpHeaders): Promise<User | undefined> {
    const token = bearerTokenOf(authorizationOf(headers));
    if (token === undefined) return undefined;
    const verified = await this.#deps.tokens.verify(token);
    if ('claims' in verified) return this.#asOfNow(verified.claims);
    this.#deps.log.info('token-refused', { why: verified.refused });
    return undefined;
  }

  /** What was taken out of the config file since the token was made counts no more. */
  async #asOfNow(claims: JWTPayload): Promise<User | undefined> {
    const { people, clients } = this.#deps;
    const client = String(claims['client_id']);
    const scopes = (claims['scope'] as unknown[]).map(String); // we made it
    const name = claims['user_name'];
    if (typeof name !== 'string') {
      const known = clients.find(client);
      if (known === undefined) return undefined;
      return { name: client, client, scopes: scopes.filter((scope) => known.scopes.includes(scope)) };
    }
    if (claims['origin'] !== localSource) return { name, client, scopes };
    const known = await people.find(name, localSource);
    if (known === undefined) return undefined;
    return { name, client, scopes: scopes.filter((scope) => known.scopes.includes(scope)) };
  }
}
