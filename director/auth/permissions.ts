import { OperatorError } from '../../common/errors.ts';

/** What a request asks leave for, on the director as a whole. Names are BOSH's. */
export type DirectorPermission =
  | 'admin'
  | 'read'
  | 'create_deployment'
  | 'create_link'
  | 'delete_link'
  | 'read_events'
  | 'list_configs'
  | 'read_link'
  | 'read_releases'
  | 'read_stemcells'
  | 'list_deployments'
  | 'list_tasks'
  | 'update_configs'
  | 'upload_releases'
  | 'upload_stemcells'
  | 'list_dynamic_disks'
  | 'create_dynamic_disks'
  | 'attach_dynamic_disks'
  | 'detach_dynamic_disks'
  | 'provide_dynamic_disks'
  | 'delete_dynamic_disks';

/** A deployment, a task or a config: teams own it. */
export interface Owned {
  teams: readonly string[];
}

/** What the permissions of teams' members on the director as a whole come from. */
type TeamLeave = 'none' | 'admins' | 'members';

interface Rule {
  read: boolean;
  teams: TeamLeave;
  /** All of these together do as well. */
  also?: readonly string[];
}

/** Scopes of which all are needed; of several such groups one is enough. */
type AllOf = readonly string[];

/** `read`: those who may read everything have it too. Admins always have it. Source: BOSH's permission_authorizer. */
const rules: Readonly<Record<DirectorPermission, Rule>> = {
  admin: { read: false, teams: 'none' },
  read: { read: true, teams: 'none' },
  create_deployment: { read: false, teams: 'admins' },
  create_link: { read: false, teams: 'admins' },
  delete_link: { read: false, teams: 'admins' },
  read_events: { read: true, teams: 'members' },
  list_configs: { read: true, teams: 'members' },
  read_link: { read: true, teams: 'members' },
  read_releases: { read: true, teams: 'admins' },
  read_stemcells: { read: true, teams: 'admins' },
  list_deployments: { read: true, teams: 'admins' },
  list_tasks: { read: true, teams: 'admins' },
  update_configs: { read: false, teams: 'admins' },
  upload_releases: { read: false, teams: 'none', also: ['bosh.releases.upload'] },
  upload_stemcells: { read: false, teams: 'none', also: ['bosh.stemcells.upload'] },
  list_dynamic_disks: { read: false, teams: 'none', also: ['bosh.dynamic-disks.list'] },
  create_dynamic_disks: { read: false, teams: 'none', also: ['bosh.dynamic-disks.create'] },
  attach_dynamic_disks: { read: false, teams: 'none', also: ['bosh.dynamic-disks.attach'] },
  detach_dynamic_disks: { read: false, teams: 'none', also: ['bosh.dynamic-disks.detach'] },
  provide_dynamic_disks: {
    read: false,
    teams: 'none',
    also: ['bosh.dynamic-disks.create', 'bosh.dynamic-disks.attach'],
  },
  delete_dynamic_disks: { read: false, teams: 'none', also: ['bosh.dynamic-disks.delete'] },
};

/** Decides by scopes alone; knows the director's UUID, which scopes may name. */
export class Permissions {
  readonly #admin: readonly string[];
  readonly #read: readonly string[];

  constructor(directorUuid: string) {
    this.#admin = ['bosh.admin', `bosh.${directorUuid}.admin`];
    this.#read = ['bosh.read', `bosh.${directorUuid}.read`];
  }

  /** @throws Unauthorized naming the scopes of which one is needed */
  require(permission: DirectorPermission, scopes: readonly string[]): void {
    check(this.#onDirector(permission, scopes), scopes);
  }

  allows(permission: DirectorPermission, scopes: readonly string[]): boolean {
    return any(this.#onDirector(permission, scopes), scopes);
  }

  /**
   * @param what how BOSH words it: there are two ways
   * @throws Unauthorized
   */
  requireOn(owned: Owned, permission: 'admin' | 'read', scopes: readonly string[], what = require): void {
    check(this.#on(owned, permission), scopes, what);
  }

  allowsOn(owned: Owned, permission: 'admin' | 'read', scopes: readonly string[]): boolean {
    return any(this.#on(owned, permission), scopes);
  }

  #onDirector(permission: DirectorPermission, scopes: readonly string[]): AllOf[] {
    const { read, teams, also } = rules[permission];
    const ofTeams = {
      none: () => [],
      admins: () => scopes.filter((scope) => teamScope(scope)?.role === 'admin'),
      members: () => scopes.filter((scope) => teamScope(scope) !== undefined),
    };
    const single = [...this.#admin, ...(read ? this.#read : [])];
    return [...each(single), ...(also === undefined ? [] : [also]), ...each(ofTeams[teams]())];
  }

  #on({ teams }: Owned, permission: 'admin' | 'read'): AllOf[] {
    const admins = [...this.#admin, ...teams.map((team) => `bosh.teams.${team}.admin`)];
    if (permission === 'admin') return each(admins);
    return each([...admins, ...teams.map((team) => `bosh.teams.${team}.read`), ...this.#read]);
  }
}

/** Teams that these scopes make someone an admin of; what they create belongs to those. */
export function adminTeams(scopes: readonly string[]): string[] {
  return scopes.flatMap((scope) => {
    const found = teamScope(scope);
    return found?.role === 'admin' ? [found.team] : [];
  });
}

/** Not allowed to do it, whoever they are: 401 as in BOSH, not 403. */
export class Unauthorized extends OperatorError {
  constructor(message: string, accepted: readonly string[] = []) {
    super(message, { code: 'unauthorized', details: { accepted } });
  }
}

function teamScope(scope: string): { team: string; role: 'admin' | 'read' } | undefined {
  const [, team, role] = /^bosh\.teams\.([^.]+)\.(admin|read)$/.exec(scope) ?? [];
  return team === undefined ? undefined : { team, role: role as 'admin' | 'read' }; // the expression admits no other
}

const require = 'Require one of the scopes';

const each = (scopes: readonly string[]): AllOf[] => scopes.map((scope) => [scope]);

const any = (accepted: readonly AllOf[], scopes: readonly string[]) =>
  accepted.some((all) => all.every((scope) => scopes.includes(scope)));

function check(accepted: readonly AllOf[], scopes: readonly string[], what = require): void {
  if (any(accepted, scopes)) return;
  const names = [...new Set(accepted.map((all) => (all.length === 1 ? String(all[0]) : `(${all.join(' AND ')})`)))];
  throw new Unauthorized(`${what}: ${names.join(', ')}`, names);
}
