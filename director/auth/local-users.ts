import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../common/clock.ts';
import type { StoredPassword } from './password.ts';
import { PasswordCheck } from './password-check.ts';
import { authorizationOf, type IdentityProvider, type User } from './user.ts';

export interface LocalUser {
  name: string;
  password: StoredPassword;
  /** What they may do; `bosh.admin`, everything, when not given. */
  scopes?: readonly string[];
}

/** Users of the config file, by HTTP basic authentication. */
export class LocalUsers implements IdentityProvider {
  readonly #passwords: PasswordCheck<LocalUser>;

  constructor(users: readonly LocalUser[], clock: Clock) {
    this.#passwords = new PasswordCheck(users, clock);
  }

  clientInfo() {
    return { type: 'basic', options: {} };
  }

  async identify(headers: IncomingHttpHeaders, from: string): Promise<User | undefined> {
    const given = parseBasic(authorizationOf(headers));
    if (given === undefined) return undefined;
    const found = await this.#passwords.check(given.name, given.password, from);
    if (found === 'wrong' || found === 'throttled') return undefined;
    return { name: found.name, scopes: found.scopes ?? ['bosh.admin'] };
  }
}

export function parseBasic(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
