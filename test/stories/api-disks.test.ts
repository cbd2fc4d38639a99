import { afterEach, beforeEach, expect, test } from 'vitest';
import { id, type DeploymentName, type DiskCid, type InstanceId } from '../../common/ids.ts';
import { taskId } from '../../common/ids.ts';
import { givenApi } from '../support/given-api.ts';

let api: Awaited<ReturnType<typeof givenApi>>;

/** An instance with a disk, and a disk that is orphaned. Tasks wait: what they do is told elsewhere. */
beforeEach(async () => {
  api = await givenApi({ started: false });
  const { instances, deployments } = api.store;
  const deployment = id<DeploymentName>('web');
  await deployments.create(deployment, [], 0);
  const instanceId = id<InstanceId>('0b5b9f0e-5f43-4d4b-8d43-0d1d6f0a1a11');
  await instances.create([
    {
      id: instanceId,
      deployment,
      group: 'db',
      index: 0,
      az: 'z1',
      state: 'stopped',
      bootstrap: true,
      ignore: false,
      compilation: false,
      updateCompleted: true,
      spec: null,
    },
  ]);
  for (const cid of ['disk-used', 'disk-left']) {
    await instances.recordDisk({
      key: cid,
      cid: id<DiskCid>(cid),
      instanceId,
      state: 'live',
      active: true,
      sizeMib: 1024,
      cloudProperties: {},
      name: '',
      cpi: '',
    });
  }
  await instances.orphanDisk('disk-left', { deployment: 'web', instance: 'db/0', az: 'z1' }, 1_000);
});
afterEach(() => api.close());

const taskOf = async (answer: Response) => {
  const number = /^\/tasks\/(\d+)$/.exec(answer.headers.get('location') ?? '')?.[1];
  return api.store.tasks.get(taskId(Number(number)));
};

test.each(['/disks', '/orphan_disks'])('%s lists what is orphaned, and deletes one of them in a task', async (path) => {
  expect(await api.json(path)).toEqual([
    {
      disk_cid: 'disk-left',
      size: 1024,
      az: 'z1',
      deployment_name: 'web',
      instance_name: 'db/0',
      cloud_properties: {},
      orphaned_at: '1970-01-01 00:00:01 UTC',
    },
  ]);
  const deleted = await api.fetch(`${path}/disk-left`, { method: 'DELETE' });
  expect(deleted.status).toBe(302);
  expect(await taskOf(deleted)).toMatchObject({
    type: 'delete_orphan_disks',
    description: 'delete orphan disks',
    args: { diskCids: ['disk-left'] },
  });
  const used = await api.fetch(`${path}/disk-used`, { method: 'DELETE' });
  expect([used.status, await used.json()]).toMatchObject([400, { code: 520000 }]);
});

test('a disk that is used is orphaned in a task, whatever orphan= says but false', async () => {
  expect(await taskOf(await api.fetch('/disks/disk-used?orphan=true', { method: 'DELETE' }))).toMatchObject({
    type: 'orphan_disk',
    description: 'orphan disk',
    args: { diskCid: 'disk-used' },
  });
  expect((await api.fetch('/disks/disk-used?orphan=false', { method: 'DELETE' })).status).toBe(400);
});

test('a disk is attached in a task of the deployment, which must be there', async () => {
  const query = 'deployment=web&job=db&instance_id=0b5b&disk_properties=copy';
  const task = await taskOf(await api.fetch(`/disks/disk%2Fleft/attachments?${query}`, { method: 'PUT' }));
  expect(task).toMatchObject({
    type: 'attach_disk',
    deployment: 'web',
    description: "attach disk 'disk/left' to 'db/0b5b'",
    args: { deployment: 'web', group: 'db', instanceId: '0b5b', diskCid: 'disk/left', copyProperties: true },
  });
  const nowhere = await api.fetch('/disks/disk-left/attachments?deployment=nowhere', { method: 'PUT' });
  expect([nowhere.status, await nowhere.json()]).toMatchObject([404, { code: 70000 }]);
});

test('all of it is for admins', async () => {
  for (const [method, path] of [
    ['GET', '/disks'],
    ['DELETE', '/disks/disk-left'],
    ['PUT', '/disks/disk-left/attachments?deployment=web'],
  ] as const)
    expect((await api.fetch(path, { method, user: null })).status).toBe(401);
});
