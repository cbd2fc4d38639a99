import { join } from 'node:path';
import { Router } from 'express';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import { issuerPath, tokenIssuerRoutes } from '../api/token-issuer.ts';
import { openIssuer } from '../auth/issuer/open-issuer.ts';
import { LocalUsers } from '../auth/local-users.ts';
import type { Permissions } from '../auth/permissions.ts';
import type { IdentityProvider } from '../auth/user.ts';
import type { DirectorConfig } from '../config.ts';
import type { Store } from '../store/store.ts';
import { localUsers } from './admin.ts';

export interface IdentityParts {
  store: Pick<Store, 'logIns'>;
  permissions: Permissions;
  version: string;
  /** The API's own URL, once it listens. */
  apiUrl: () => string;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** How users and programs prove who they are, as the config file has it. */
export async function openIdentity(
  config: DirectorConfig,
  { store, permissions, version, apiUrl, clock, chance, log }: IdentityParts,
): Promise<{ identity: IdentityProvider; openRoutes: Router }> {
  const { authentication, stateDirectory, listen } = config;
  const users = await localUsers(config.users, stateDirectory, chance);
  if (authentication.kind === 'basic') return { identity: new LocalUsers(users, clock), openRoutes: Router() };

  const url = () => authentication.url?.replace(/\/$/, '') ?? apiUrl() + issuerPath;
  const issuer = await openIssuer({
    keysFile: join(stateDirectory, 'token-keys.json'),
    users,
    clients: authentication.clients.map(({ name, secret, scopes }) => ({ name, password: secret, scopes })),
    directories: [],
    accessTokenMs: authentication.accessTokenSeconds * 1000,
    logInMs: authentication.logInHours * 3_600_000,
    url,
    urlFor: (host) => (authentication.url === undefined && isOurs(host, listen.hostnames) ? ownUrl(host) : url()),
    logIns: store.logIns,
    clock,
    chance,
    log,
  });
  return { identity: issuer.identity, openRoutes: tokenIssuerRoutes({ ...issuer, permissions, version, log }) };
}

/** Whoever reached the director by one of its names reaches the issuer by it too. */
function isOurs(host: string | undefined, hostnames: readonly string[]): host is string {
  const name = /^(.*?)(:\d+)?$/.exec(host ?? '')?.[1]?.replace(/^\[(.*)\]$/, '$1');
  return name !== undefined && hostnames.includes(name);
}

const ownUrl = (host: string) => `https://${host}${issuerPath}`;
