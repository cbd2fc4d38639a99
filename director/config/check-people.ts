import type { Static } from 'typebox';
import type { Fault } from '../../common/errors.ts';
import { didYouMean } from '../../common/suggest.ts';
import { isHash, parseHash } from '../auth/password.ts';
import type { CamelKeys } from './camel-keys.ts';
import type { directorConfigSchema } from './schema.ts';

type People = Pick<CamelKeys<Static<typeof directorConfigSchema>>, 'users' | 'teams' | 'authentication'>;

/** Of users through which every user logs in. */
const reservedClient = 'bosh_cli';

/** What is wrong between users, clients and teams. */
export function faultsOfPeople({ users, teams, authentication }: People): Fault[] {
  const clients = clientsOf(authentication);
  const known = [...users, ...clients].map(({ name }) => name);
  const strangers = teams.flatMap(({ admins, readers }, index) =>
    (['admins', 'readers'] as const).flatMap((role) =>
      (role === 'admins' ? admins : readers).flatMap((name, place): Fault[] => {
        if (known.includes(name)) return [];
        const message = `"${name}" is neither a user nor a client of this file`;
        return [{ path: `teams.${index}.${role}.${place}`, message, ...didYouMean(name, known) }];
      }),
    ),
  );
  const reserved = clients.flatMap(({ name }, index): Fault[] =>
    name === reservedClient
      ? [
          {
            path: `authentication.clients.${index}.name`,
            message: `"${name}" is the client of all users: take another`,
          },
        ]
      : [],
  );
  return [
    ...twice('users', users),
    ...twice('teams', teams),
    ...twice('authentication.clients', clients),
    ...badHashes(
      'users',
      'password',
      users.map(({ password }) => password),
    ),
    ...badHashes(
      'authentication.clients',
      'secret',
      clients.map(({ secret }) => secret),
    ),
    ...reserved,
    ...strangers,
  ];
}

/** The same with the scopes that teams give to their members. */
export function withTeams<T extends People>(config: T): T {
  const { users, teams, authentication } = config;
  const given = (name: string) =>
    teams.flatMap((team) => [
      ...(team.admins.includes(name) ? [`bosh.teams.${team.name}.admin`] : []),
      ...(team.readers.includes(name) ? [`bosh.teams.${team.name}.read`] : []),
    ]);
  const together = (own: readonly string[] | undefined, name: string) => {
    const ofTeams = given(name);
    return [...new Set([...(own ?? (ofTeams.length > 0 ? [] : ['bosh.admin'])), ...ofTeams])];
  };
  return {
    ...config,
    users: users.map((user) => ({ ...user, scopes: together(user.scopes, user.name) })),
    authentication:
      authentication.kind === 'issuer'
        ? {
            ...authentication,
            clients: authentication.clients.map((each) => ({ ...each, scopes: together(each.scopes, each.name) })),
          }
        : authentication,
  };
}

function clientsOf(authentication: People['authentication']) {
  return authentication.kind === 'issuer' ? authentication.clients : [];
}

function twice(path: string, list: ReadonlyArray<{ name: string }>): Fault[] {
  const seen = new Set<string>();
  return list.flatMap(({ name }, index): Fault[] => {
    if (seen.has(name)) return [{ path: `${path}.${index}.name`, message: `"${name}" is here twice` }];
    seen.add(name);
    return [];
  });
}

function badHashes(path: string, key: string, passwords: readonly string[]): Fault[] {
  return passwords.flatMap((password, index): Fault[] =>
    isHash(password) && parseHash(password) === undefined
      ? [{ path: `${path}.${index}.${key}`, message: 'looks like a hash, but can not be checked' }]
      : [],
  );
}
