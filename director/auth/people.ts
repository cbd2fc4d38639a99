import type { LocalUser } from './local-users.ts';
import type { PasswordCheck, Refusal } from './password-check.ts';

/** A user as a source knows them now. */
export interface Person {
  name: string;
  scopes: readonly string[];
  /** The source. */
  source: string;
}

/** Users with passwords. */
export interface PeopleSource {
  readonly name: string;
  /**
   * @returns `unknown`: nobody here has that name
   * @throws OperatorError where the source can't be asked
   */
  logIn(name: string, password: string, from: string): Promise<Person | Refusal | 'unknown'>;
  /** Without a password: who had one before. Undefined: they are gone. */
  find(name: string): Promise<Person | undefined>;
}

export const localSource = 'local';

/** Users of the config file. Says `wrong` of names that it does not know, after as much work. */
export function localPeople(passwords: PasswordCheck<LocalUser>): PeopleSource {
  const person = ({ name, scopes }: LocalUser): Person => ({
    name,
    scopes: scopes ?? ['bosh.admin'],
    source: localSource,
  });
  return {
    name: localSource,
    logIn: async (name, password, from) => {
      const found = await passwords.check(name, password, from);
      return typeof found === 'string' ? found : person(found);
    },
    find: (name) => {
      const found = passwords.find(name);
      return Promise.resolve(found === undefined ? undefined : person(found));
    },
  };
}

/** Several sources as one: the first that knows the name decides; of names that none knows, the last. */
export class People {
  readonly #sources: readonly PeopleSource[];

  constructor(sources: readonly PeopleSource[]) {
    this.#sources = sources;
  }

  async logIn(name: string, password: string, from: string): Promise<Person | Refusal> {
    for (const source of this.#sources.slice(0, -1)) {
      if ((await source.find(name)) === undefined) continue;
      const found = await source.logIn(name, password, from);
      return found === 'unknown' ? 'wrong' : found;
    }
    const found = await this.#sources.at(-1)?.logIn(name, password, from);
    return found === undefined || found === 'unknown' ? 'wrong' : found;
  }

  find(name: string, source: string): Promise<Person | undefined> {
    const known = this.#sources.find((each) => each.name === source);
    return known === undefined ? Promise.resolve(undefined) : known.find(name);
  }
}
