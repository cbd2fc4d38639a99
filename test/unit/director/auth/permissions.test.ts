import { describe, expect, test } from 'vitest';
import { adminTeams, Permissions, type DirectorPermission } from '../../../../director/auth/permissions.ts';

const uuid = '3b30123e-dfa6-4eff-abe6-63c2d5a88938';
const permissions = new Permissions(uuid);

const roles = {
  admin: ['bosh.admin'],
  'admin of this director': [`bosh.${uuid}.admin`],
  reader: ['bosh.read'],
  'team admin': ['bosh.teams.dev.admin'],
  'team reader': ['bosh.teams.dev.read'],
  'release uploader': ['bosh.releases.upload'],
  'stemcell uploader': ['bosh.stemcells.upload'],
  'disk lister': ['bosh.dynamic-disks.list'],
  'disk maker': ['bosh.dynamic-disks.create'],
  'disk attacher': ['bosh.dynamic-disks.attach'],
  'disk maker and attacher': ['bosh.dynamic-disks.create', 'bosh.dynamic-disks.attach'],
  'disk detacher': ['bosh.dynamic-disks.detach'],
  'disk deleter': ['bosh.dynamic-disks.delete'],
  stranger: ['bosh.11111111-dfa6-4eff-abe6-63c2d5a88938.admin', 'bosh.teams..admin', 'bosh.teams.a.b.admin'],
} as const;
type Role = keyof typeof roles;

/** Who may do what besides admins. */
const allowed: Record<DirectorPermission, readonly Role[]> = {
  admin: [],
  read: ['reader'],
  create_deployment: ['team admin'],
  create_link: ['team admin'],
  delete_link: ['team admin'],
  read_events: ['reader', 'team admin', 'team reader'],
  list_configs: ['reader', 'team admin', 'team reader'],
  read_link: ['reader', 'team admin', 'team reader'],
  read_releases: ['reader', 'team admin'],
  read_stemcells: ['reader', 'team admin'],
  list_deployments: ['reader', 'team admin'],
  list_tasks: ['reader', 'team admin'],
  update_configs: ['team admin'],
  upload_releases: ['release uploader'],
  upload_stemcells: ['stemcell uploader'],
  list_dynamic_disks: ['disk lister'],
  create_dynamic_disks: ['disk maker', 'disk maker and attacher'],
  attach_dynamic_disks: ['disk attacher', 'disk maker and attacher'],
  detach_dynamic_disks: ['disk detacher'],
  provide_dynamic_disks: ['disk maker and attacher'],
  delete_dynamic_disks: ['disk deleter'],
};

describe.each(Object.entries(allowed) as [DirectorPermission, readonly Role[]][])('%s', (permission, others) => {
  test.each(Object.entries(roles) as [Role, readonly string[]][])('asked for by a %s', (role, scopes) => {
    const expected = role === 'admin' || role === 'admin of this director' || others.includes(role);
    expect(permissions.allows(permission, scopes)).toBe(expected);
  });
});

test('what a team owns is for its members, and for readers of everything to read', () => {
  const owned = { teams: ['dev', 'ops'] };
  expect(permissions.allowsOn(owned, 'admin', ['bosh.teams.ops.admin'])).toBe(true);
  expect(permissions.allowsOn(owned, 'admin', ['bosh.teams.ops.read'])).toBe(false);
  expect(permissions.allowsOn(owned, 'admin', ['bosh.teams.other.admin'])).toBe(false);
  expect(permissions.allowsOn(owned, 'admin', ['bosh.read'])).toBe(false);
  expect(permissions.allowsOn(owned, 'read', ['bosh.teams.dev.read'])).toBe(true);
  expect(permissions.allowsOn(owned, 'read', ['bosh.read'])).toBe(true);
  expect(permissions.allowsOn({ teams: [] }, 'read', ['bosh.teams.dev.admin'])).toBe(false);
});

test('a refusal names the scopes that would do, as BOSH words it', () => {
  expect(() => permissions.require('upload_releases', ['bosh.read'])).toThrow(
    `Require one of the scopes: bosh.admin, bosh.${uuid}.admin, bosh.releases.upload`,
  );
});

test('where two scopes are needed together, the refusal says so', () => {
  expect(() => permissions.require('provide_dynamic_disks', ['bosh.dynamic-disks.attach'])).toThrow(
    `Require one of the scopes: bosh.admin, bosh.${uuid}.admin, (bosh.dynamic-disks.create AND bosh.dynamic-disks.attach)`,
  );
});

test('what someone creates belongs to the teams that they are an admin of', () => {
  expect(adminTeams(['bosh.teams.dev.admin', 'bosh.teams.ops.read', 'bosh.read', 'bosh.teams.ci.admin'])).toEqual([
    'dev',
    'ci',
  ]);
});
