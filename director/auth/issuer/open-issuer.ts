import type { Chance } from '../../../common/chance.ts';
import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import type { LogIns } from '../../store/log-ins.ts';
import type { LocalUser } from '../local-users.ts';
import { PasswordCheck } from '../password-check.ts';
import { localPeople, People, type PeopleSource } from '../people.ts';
import { AccessTokens } from './access-tokens.ts';
import { Issuer, type Client } from './issuer.ts';
import { SigningKeys } from './signing-keys.ts';
import { TokenUsers } from './token-users.ts';

export interface IssuerOptions {
  keysFile: string;
  users: readonly LocalUser[];
  clients: readonly Client[];
  /** Asked for names that the config file doesn't have. */
  directories: readonly PeopleSource[];
  accessTokenMs: number;
  logInMs: number;
  /** Its own URL, as its tokens name it. */
  url: () => string;
  urlFor: (host: string | undefined) => string;
  logIns: LogIns;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** The director's own issuer of tokens: what gives them out, and what knows their bearers. */
export async function openIssuer(options: IssuerOptions) {
  const { clock, chance, log, logIns, url, urlFor } = options;
  const keys = await SigningKeys.kept(options.keysFile, clock.now());
  const tokens = new AccessTokens({ keys, clock, chance, issuer: url, lifetimeMs: options.accessTokenMs });
  const people = new People([localPeople(new PasswordCheck(options.users, clock)), ...options.directories]);
  const clients = new PasswordCheck(options.clients, clock);
  const issuer = new Issuer({ tokens, people, clients, logIns, clock, chance, log, logInMs: options.logInMs });
  return {
    issuer,
    tokens,
    keys: keys.publicKeys,
    identity: new TokenUsers({ tokens, people, clients, log, urlFor }),
    url,
  };
}

export type OpenIssuer = Awaited<ReturnType<typeof openIssuer>>;
