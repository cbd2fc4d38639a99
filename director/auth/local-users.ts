import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import pLimit from 'p-limit';
import { hashPassword, passwordMatches, type StoredPassword } from './password.ts';
import { authorizationOf, type IdentityProvider, type User } from './user.ts';

export interface LocalUser {
  name: string;
  password: StoredPassword;
  /** What they may do; `bosh.admin`, everything, when not given. */
  scopes?: readonly string[];
}

/** Passwords that were right once; so many users with so many clients are plenty for local users. */
const rememberedMax = 1_000;
/** scrypt runs on libuv's threads, 32 MiB each: a flood of wrong passwords must leave threads for files. */
const checksAtOnce = 2;
/** Beyond these, requests with unknown passwords are turned away at once. */
const checksWaitingMax = 200;

/**
 * Users of the config file, by HTTP basic authentication.
 *
 * INVARIANTS
 * - What is remembered of a right password is a MAC of it under a key that lives as long as the process:
 *   neither the password nor anything that could be tried offline.
 * - An unknown name costs as much time as a wrong password.
 */
export class LocalUsers implements IdentityProvider {
  readonly #users: ReadonlyMap<string, LocalUser>;
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, User>();
  readonly #checks = pLimit(checksAtOnce);
  /** Of nobody: what unknown names are checked against. */
  #nobody: Promise<StoredPassword> | undefined;

  constructor(users: readonly LocalUser[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  clientInfo() {
    return { type: 'basic', options: {} };
  }

  async identify(headers: IncomingHttpHeaders): Promise<User | undefined> {
    const given = parseBasic(authorizationOf(headers));
    if (given === undefined || given.name === '' || given.password === '') return undefined;
    const mac = createHmac('sha256', this.#key).update(`${given.name}\0${given.password}`).digest('base64');
    const known = this.#remembered.get(mac);
    if (known !== undefined) return known;
    if (this.#checks.pendingCount > checksWaitingMax) return undefined;
    return this.#checks(() => this.#check(given, mac));
  }

  async #check(given: { name: string; password: string }, mac: string): Promise<User | undefined> {
    const user = this.#users.get(given.name);
    this.#nobody ??= hashPassword(randomBytes(16).toString('hex'));
    const right = await passwordMatches(given.password, user?.password ?? (await this.#nobody));
    if (user === undefined || !right) return undefined;
    const found: User = { name: user.name, scopes: user.scopes ?? ['bosh.admin'] };
    if (this.#remembered.size >= rememberedMax) this.#forgetOldest();
    this.#remembered.set(mac, found);
    return found;
  }

  #forgetOldest(): void {
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function parseBasic(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
