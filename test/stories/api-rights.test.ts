import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalUser } from '../../director/auth/local-users.ts';
import { id, type DeploymentName } from '../../common/ids.ts';
import { directorUuid, givenApi } from '../support/given-api.ts';
import { newTask } from '../support/task-world.ts';

/** Of who asks: what the scopes are good for is BOSH's. `ours` own what is asked for, `theirs` own something else. */
const scopesOf = {
  nobody: ['uaa.none'],
  reader: ['bosh.read'],
  'our admin': ['bosh.teams.ours.admin'],
  'our reader': ['bosh.teams.ours.read'],
  'their admin': ['bosh.teams.theirs.admin'],
  'their reader': ['bosh.teams.theirs.read'],
  'release uploader': ['bosh.releases.upload'],
  'stemcell uploader': ['bosh.stemcells.upload'],
  'disk lister': ['bosh.dynamic-disks.list'],
  'disk maker': ['bosh.dynamic-disks.create'],
  'disk attacher': ['bosh.dynamic-disks.attach'],
  'disk maker and attacher': ['bosh.dynamic-disks.create', 'bosh.dynamic-disks.attach'],
  'disk detacher': ['bosh.dynamic-disks.detach'],
  'disk deleter': ['bosh.dynamic-disks.delete'],
  'admin of this director': [`bosh.${directorUuid}.admin`],
  admin: ['bosh.admin'],
} as const;
type Role = keyof typeof scopesOf;

const admins: readonly Role[] = ['admin', 'admin of this director'];
const readers: readonly Role[] = [...admins, 'reader'];
const ourAdmins: readonly Role[] = [...admins, 'our admin'];
const ourReaders: readonly Role[] = [...readers, 'our admin', 'our reader'];
const teamAdmins: readonly Role[] = [...admins, 'our admin', 'their admin'];
const readersAndTeamAdmins: readonly Role[] = [...readers, 'our admin', 'their admin'];
const readersAndTeams: readonly Role[] = [...readersAndTeamAdmins, 'our reader', 'their reader'];

/** Who may use which route. Whoever makes a route says so here. */
const rights: ReadonlyArray<[who: readonly Role[], routes: readonly string[]]> = [
  [
    admins,
    [
      'POST /cleanup',
      'GET /cleanup/dryrun',
      'GET /cpi_configs',
      'POST /cpi_configs',
      'POST /cpi_configs/diff',
      'POST /cloud_configs',
      'POST /cloud_configs/diff',
      'POST /runtime_configs',
      'POST /runtime_configs/diff',
      'GET /resurrection',
      'PUT /resurrection',
      'GET /disks',
      'GET /orphan_disks',
      'DELETE /disks/:cid',
      'DELETE /orphan_disks/:cid',
      'PUT /disks/:cid/attachments',
      'GET /orphaned_vms',
      'DELETE /vms/:cid',
      'GET /networks',
      'DELETE /networks/:name',
      'GET /events/:id',
      'POST /events',
      'POST /packages/matches',
      'POST /packages/matches_compiled',
      'POST /releases/export',
      'DELETE /releases/:name',
      'DELETE /stemcells/:name/:version',
      'GET /resources/:id',
      'POST /tasks/cancel',
      'DELETE /task/:id',
    ],
  ],
  [
    readers,
    [
      'GET /configs/:id',
      'GET /cloud_configs',
      'GET /runtime_configs',
      'GET /director/certificate_expiry',
      'GET /jobs',
      'GET /locks',
      'GET /packages/blobs/:id',
      'GET /link_providers',
      'GET /link_consumers',
      'GET /links',
    ],
  ],
  [readersAndTeamAdmins, ['GET /deployments', 'GET /deployment_configs', 'GET /deployed_variables/:name']],
  [readersAndTeamAdmins, ['GET /releases', 'GET /releases/:name', 'GET /stemcells', 'POST /stemcell_uploads']],
  [readersAndTeamAdmins, ['GET /tasks']],
  [readersAndTeams, ['GET /events', 'GET /configs', 'POST /configs/diff', 'GET /link_address']],
  [teamAdmins, ['POST /deployments', 'POST /configs', 'POST /links', 'DELETE /links/:id']],
  [ourAdmins, ['DELETE /configs/:id', 'DELETE /configs']],
  [[...admins, 'release uploader'], ['POST /releases']],
  [[...admins, 'stemcell uploader'], ['POST /stemcells']],
  [[...readers, 'our admin'], ['GET /tasks/:id']],
  [ourAdmins, ['GET /tasks/:id/output']],
  [
    ourReaders,
    [
      'GET /deployments/:deployment',
      'GET /deployments/:deployment/vms',
      'GET /deployments/:deployment/instances',
      'GET /deployments/:deployment/errands',
      'GET /deployments/:deployment/past_deploys',
      'GET /deployments/:deployment/instance_groups/:group/:instance/explanation',
      'GET /deployments/:deployment/certificate_expiry',
    ],
  ],
  [
    ourAdmins,
    [
      'DELETE /deployments/:deployment',
      'POST /deployments/:deployment/diff',
      'GET /deployments/:deployment/jobs/:group/:instance',
      'PUT /deployments/:deployment/jobs/:group',
      'PUT /deployments/:deployment/jobs/:group/:instance',
      'PUT /deployments/:deployment/jobs/:group/:instance/resurrection',
      'GET /deployments/:deployment/jobs/:group/:instance/logs',
      'GET /deployments/:deployment/jobs/:group/:instance/snapshots',
      'POST /deployments/:deployment/jobs/:group/:instance/snapshots',
      'POST /deployments/:deployment/instance_groups/:group/:instance/actions/start',
      'POST /deployments/:deployment/instance_groups/:group/:instance/actions/stop',
      'POST /deployments/:deployment/instance_groups/:group/:instance/actions/restart',
      'POST /deployments/:deployment/instance_groups/:group/:instance/actions/recreate',
      'PUT /deployments/:deployment/instance_groups/:group/:instance/ignore',
      'POST /deployments/:deployment/ssh',
      'GET /deployments/:deployment/variables',
      'POST /deployments/:deployment/errands/:errand/runs',
      'GET /deployments/:deployment/snapshots',
      'POST /deployments/:deployment/snapshots',
      'DELETE /deployments/:deployment/snapshots',
      'DELETE /deployments/:deployment/snapshots/:cid',
      'POST /deployments/:deployment/scans',
      'GET /deployments/:deployment/problems',
      'PUT /deployments/:deployment/problems',
      'PUT /deployments/:deployment/scan_and_fix',
      'POST /deployments/:deployment/rollback',
    ],
  ],
  [[...admins, 'disk lister'], ['GET /dynamic_disks']],
  [[...admins, 'disk maker', 'disk maker and attacher'], ['POST /dynamic_disks']],
  [[...admins, 'disk attacher', 'disk maker and attacher'], ['POST /dynamic_disks/:name/attach']],
  [[...admins, 'disk maker and attacher'], ['POST /dynamic_disks/provide']],
  [[...admins, 'disk detacher'], ['POST /dynamic_disks/:name/detach']],
  [[...admins, 'disk deleter'], ['DELETE /dynamic_disks/:name']],
];

/** Open to everyone: they tell nothing, and ask for credentials themselves. */
const open = ['GET /info'];

const roles = Object.keys(scopesOf) as Role[];
const users = roles.map((name): LocalUser => ({ name, password: 'password', scopes: scopesOf[name] }));
const mediaTypes = ['application/json', 'text/yaml', 'application/x-compressed'];

let api: Awaited<ReturnType<typeof givenApi>>;
beforeAll(async () => {
  api = await givenApi({ users, started: false });
  await api.store.deployments.create(id<DeploymentName>('web'), ['ours'], 0);
});
afterAll(() => api.close());

test('every route of the API has been given to somebody here', () => {
  const told = new Set([...open, ...rights.flatMap(([, routes]) => routes)]);
  expect(routesOf(api.app).filter((route) => !told.has(route))).toEqual([]);
});

test('no route is told here that there is not', () => {
  const there = new Set(routesOf(api.app));
  expect([...open, ...rights.flatMap(([, routes]) => routes)].filter((route) => !there.has(route))).toEqual([]);
});

describe.each(rights.flatMap(([who, routes]) => routes.map((route) => ({ route, who }))))(
  '$route',
  ({ route, who }) => {
    test('is refused to others, told with the scopes that would do, and not to those who may', async () => {
      for (const role of roles) {
        const { refused, text } = await ask(route, role);
        expect({ role, refused }, text).toEqual({ role, refused: !who.includes(role) });
        if (refused) expect(text).toMatch(/"code":600000,"description":"(Require one|One) of the (following )?scopes/);
      }
    });

    test('is refused to whoever is not known', async () => {
      const [method, path] = await concrete(route);
      expect((await api.fetch(path, { method, user: null })).status).toBe(401);
    });
  },
);

test('a config of a team is shown to its members alone, and one of nobody to readers of everything', async () => {
  const make = (name: string, team: string | null) =>
    api.store.configs.create({ type: 'shown', name, content: 'a: 1', team }, 0);
  await make('ours', 'ours');
  await make('theirs', 'theirs');
  await make('of all', null);
  const shown = async (role: Role) => {
    const user = users.find((each) => each.name === role) ?? null;
    return (await api.json<Array<{ name: string }>>('/configs?type=shown', { user })).map(({ name }) => name).sort();
  };
  expect(await shown('our reader')).toEqual(['ours']);
  expect(await shown('their admin')).toEqual(['theirs']);
  expect(await shown('reader')).toEqual(['of all', 'ours', 'theirs']);
});

/** Asks with each kind of body; a route that takes one kind alone lets the others through to "not found". */
async function ask(route: string, role: Role): Promise<{ refused: boolean; text: string }> {
  const user = users.find((each) => each.name === role) ?? null;
  const seen: Array<{ refused: boolean; text: string }> = [];
  for (const type of route.startsWith('GET ') ? ['text/plain'] : mediaTypes) {
    const [method, path] = await concrete(route);
    const answer = await api.fetch(path, { method, user, headers: { 'content-type': type } });
    const text = await answer.text();
    if (!/^Endpoint '.*' not found\.$/.test(text)) seen.push({ refused: answer.status === 401, text });
  }
  const [first, ...others] = seen;
  if (first === undefined) throw new Error(`${route} takes no body that we know`);
  for (const other of others) expect(other.refused).toBe(first.refused);
  return first;
}

/** The route with something behind each of its parameters, made anew: the request before may have deleted it. */
async function concrete(route: string): Promise<[method: string, path: string]> {
  const [method = '', path = ''] = route.split(' ');
  const config = await api.store.configs.create({ type: 'test', name: 'ours', content: 'a: 1', team: 'ours' }, 0);
  const ids: Record<string, string | number> = { deployment: 'web', instance: 0, group: 'g' };
  if (path.startsWith('/task')) ids['id'] = (await api.store.tasks.create(newTask('test', { teams: ['ours'] }), 0)).id;
  if (path.startsWith('/configs')) ids['id'] = config.id;
  const query = method === 'DELETE' && path === '/configs' ? '?type=test&name=ours' : '';
  return [method, path.replace(/:(\w+)/g, (_, name: string) => String(ids[name] ?? 'x')) + query];
}

interface Layer {
  route?: { path: string; stack: ReadonlyArray<{ method?: string }> };
  handle?: { stack?: readonly Layer[] };
}

/** `GET /info` of each route, however deep its router is. */
function routesOf(app: Express): string[] {
  const found = new Set<string>();
  const visit = (layers: readonly Layer[]) => {
    for (const { route, handle } of layers) {
      for (const { method } of route?.stack ?? []) found.add(`${(method ?? 'ANY').toUpperCase()} ${route?.path}`);
      visit(handle?.stack ?? []);
    }
  };
  visit((app.router as unknown as { stack: readonly Layer[] }).stack); // express has no other way to look
  return [...found];
}
