import { createHmac, randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import type { Clock } from '../../common/clock.ts';
import { hashPassword, passwordMatches, type StoredPassword } from './password.ts';
import { Throttle } from './throttle.ts';

/** Why there is no answer. `throttled`: there were too many wrong ones; it was not looked at. */
export type Refusal = 'wrong' | 'throttled';

/** Passwords that were right once; so many users with so many clients are plenty for a config file. */
const rememberedMax = 1_000;
/** scrypt runs on libuv's threads, 32 MiB each: a flood of wrong passwords must leave threads for files. */
const checksAtOnce = 2;
/** Beyond these, requests with unknown passwords are turned away at once. */
const checksWaitingMax = 200;
const textMax = 1_000;

/**
 * Passwords of users or clients of the config file.
 *
 * INVARIANTS
 * - What is remembered of a right password is a MAC of it under a key that lives as long as the process:
 *   neither the password nor anything that could be tried offline.
 * - An unknown name costs as much time as a wrong password.
 */
export class PasswordCheck<T extends { name: string; password: StoredPassword }> {
  readonly #known: ReadonlyMap<string, T>;
  readonly #throttle: Throttle;
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, T>();
  readonly #checks = pLimit(checksAtOnce);
  /** Of nobody: what unknown names are checked against. */
  #nobody: Promise<StoredPassword> | undefined;

  constructor(known: readonly T[], clock: Clock) {
    this.#known = new Map(known.map((each) => [each.name, each]));
    this.#throttle = new Throttle(clock);
  }

  find(name: string): T | undefined {
    return this.#known.get(name);
  }

  /** @param from the address that it came from */
  async check(name: string, password: string, from: string): Promise<T | Refusal> {
    if (name === '' || password === '' || name.length > textMax || password.length > textMax) return 'wrong';
    const mac = createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64');
    const known = this.#remembered.get(mac);
    if (known !== undefined) return known;
    if (this.#checks.pendingCount > checksWaitingMax) return 'throttled';
    const right = this.#throttle.begin(name, from);
    if (right === undefined) return 'throttled';
    const found = await this.#checks(() => this.#check(name, password));
    if (found === undefined) return 'wrong';
    right();
    this.#remember(mac, found);
    return found;
  }

  async #check(name: string, password: string): Promise<T | undefined> {
    const found = this.#known.get(name);
    this.#nobody ??= hashPassword(randomBytes(16).toString('hex'));
    const right = await passwordMatches(password, found?.password ?? (await this.#nobody));
    return right ? found : undefined;
  }

  #remember(mac: string, found: T): void {
    if (this.#remembered.size >= rememberedMax) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(mac, found);
  }
}
