import { afterEach, beforeEach, expect, test } from 'vitest';
import Value from 'typebox/value';
import { packArchive, textEntry } from '../../common/archive-pack.ts';
import {
  id,
  type AgentId,
  type DeploymentName,
  type InstanceId,
  type StemcellCid,
  type VmCid,
} from '../../common/ids.ts';
import { OperatorError } from '../../common/errors.ts';
import { FullInstance, InstanceSummary, VmSummary } from '../../director/api/contract/deployments.ts';
import { StemcellList } from '../../director/api/contract/stemcells.ts';
import { finished, givenApi } from '../support/given-api.ts';
import { bytesOf } from '../support/release-archive.ts';

let api: Awaited<ReturnType<typeof givenApi>>;
beforeEach(async () => {
  api = await givenApi({
    cpiNames: ['east', 'west'],
    agents: {
      getState: (agentId) => {
        if (agentId !== 'a-1') return Promise.reject(new OperatorError('silent', { code: 'agent-timed-out' }));
        const state = {
          agent_id: agentId,
          job_state: 'running',
          vm: { name: 'x' },
          processes: [{ name: 'p', state: 'running' }],
        };
        return Promise.resolve(state as never); // as much as the listing reads
      },
    },
  });
});
afterEach(async () => {
  expect(await api.spooled()).toEqual([]);
  await api.close();
});

async function stemcell({ version = '1.10', more = '', image = 'image' as string | null } = {}): Promise<Buffer> {
  const manifest = `name: tiny\nversion: "${version}"\noperating_system: tiny-os\nsha1: ${'a'.repeat(40)}\napi_version: 3\ncloud_properties: {name: tiny, version: "${version}"}\n${more}`;
  const entries = [textEntry('stemcell.MF', manifest), ...(image === null ? [] : [textEntry('image', image)])];
  return bytesOf(packArchive(entries));
}
const upload = async (bytes: Buffer, query = '') => api.ended(await api.upload(`/stemcells${query}`, bytes));
const needed = async () =>
  (await api.post('/stemcell_uploads', { stemcell: { name: 'tiny', version: '1.10' } })).json();

test('a stemcell is imported into every CPI, once', async () => {
  expect(await needed()).toEqual({ needed: true });
  const task = await upload(await stemcell());
  expect(task).toMatchObject({ state: 'done', description: 'create stemcell', result: '/stemcells/tiny/1.10' });
  const stemcells = await api.json<Array<{ cid: string }>>('/stemcells');
  expect(Value.Errors(StemcellList, stemcells)).toEqual([]);
  expect(stemcells).toMatchObject([
    { name: 'tiny', version: '1.10', operating_system: 'tiny-os', cpi: 'east', api_version: 3, deployments: [] },
    { cpi: 'west' },
  ]);
  expect(finished(task.events)).toEqual([
    'Update stemcell: Extracting stemcell archive',
    'Update stemcell: Verifying stemcell manifest',
    'Update stemcell: Checking if this stemcell already exists (cpi: east)',
    'Update stemcell: Uploading stemcell tiny/1.10 to the cloud (cpi: east)',
    `Update stemcell: Save stemcell tiny/1.10 (${stemcells[0]?.cid}) (cpi: east)`,
    'Update stemcell: Checking if this stemcell already exists (cpi: west)',
    'Update stemcell: Uploading stemcell tiny/1.10 to the cloud (cpi: west)',
    `Update stemcell: Save stemcell tiny/1.10 (${stemcells[1]?.cid}) (cpi: west)`,
  ]);
  expect(await needed()).toEqual({ needed: false });
  expect(finished((await upload(await stemcell())).events)[3]).toMatch(/east\) \(already exists, skipped\)$/);
  expect(await api.json('/stemcells')).toEqual(stemcells);

  await upload(await stemcell(), '?fix=true');
  expect((await api.json<Array<{ cid: string }>>('/stemcells'))[0]?.cid).not.toBe(stemcells[0]?.cid);
});

test('an upload that failed at one CPI goes on there when it is repeated', async () => {
  api.cpis.get('west')?.faults.failOnce('createStemcell', 'before');
  expect(await upload(await stemcell())).toMatchObject({ state: 'error' });
  expect(await needed()).toEqual({ needed: true });
  expect(await upload(await stemcell())).toMatchObject({ state: 'done' });
  expect(await api.json('/stemcells')).toHaveLength(2);
});

test('a stemcell of a format that no CPI takes, or without its parts, is refused', async () => {
  const errorOf = async (bytes: Buffer) => (await upload(bytes)).events.at(-1);
  expect(await errorOf(await stemcell({ more: 'stemcell_formats: [odd]\n' }))).toMatchObject({
    error: { code: 50008, message: /with formats \["odd"\]/ },
  });
  expect(await errorOf(await stemcell({ image: null }))).toMatchObject({ error: { code: 50001 } });
  expect(await errorOf(await bytesOf(packArchive([])))).toMatchObject({ error: { code: 50000 } });
  expect(await errorOf(Buffer.from('rubbish'))).toMatchObject({ error: { code: 50000 } });
});

test('a light stemcell has an image without bytes', async () => {
  expect(await upload(await stemcell({ image: '' }))).toMatchObject({ state: 'done' });
});

test('a stemcell that is deployed stays; force forgets one that the infrastructure does not delete', async () => {
  await upload(await stemcell());
  await api.store.deployments.create(id<DeploymentName>('cf'), [], 0);
  const used = { stemcells: [{ name: 'tiny', version: '1.10' }], releases: [] };
  await api.store.deployments.uses('cf', used);
  const remove = (query = '') => api.fetch(`/stemcells/tiny/1.10${query}`, { method: 'DELETE' });
  expect((await api.ended(await remove('?force=true'))).events.at(-1)).toMatchObject({ error: { code: 50004 } });
  await api.store.deployments.delete('cf');
  api.cpis.get('east')?.faults.failOnce('deleteStemcell', 'before');
  expect(await api.ended(await remove())).toMatchObject({ state: 'error' });
  api.cpis.get('east')?.faults.failOnce('deleteStemcell', 'before');
  expect(await api.ended(await remove('?force=true'))).toMatchObject({
    state: 'done',
    description: 'delete stemcell: tiny/1.10',
    result: '/stemcells/tiny/1.10',
  });
  expect(await api.json('/stemcells')).toEqual([]);
  expect(await needed()).toEqual({ needed: true });
  expect(await (await remove()).json()).toMatchObject({ code: 50003 });
});

test('a clean-up deletes all unused stemcells but the two newest of a name', async () => {
  for (const version of ['1.9', '1.10', '1.11']) await upload(await stemcell({ version }));
  expect(await api.json('/cleanup/dryrun')).toMatchObject({
    stemcells: [{ version: '1.9' }, { version: '1.9' }, { version: '1.10', cpi: 'east' }, { version: '1.10' }],
  });
  await api.ended(await api.post('/cleanup', { config: { remove_all: true } }));
  expect(await api.json('/stemcells')).toEqual([]);
});

test('instances and VMs are listed from the store at once, and in full as their agents see them', async () => {
  await api.store.deployments.create(id<DeploymentName>('web'), [], 0);
  await api.store.instances.create([instance('i-0', 0), instance('i-1', 1), instance('i-2', 2)]);
  for (const [agent, of] of [
    ['a-1', 'i-0'],
    ['a-2', 'i-1'],
  ] as const)
    await api.store.instances.recordVm(vm(agent, of));

  const instances = await api.json<unknown[]>('/deployments/web/instances');
  for (const each of instances) expect(Value.Errors(InstanceSummary, each)).toEqual([]);
  expect(instances).toMatchObject([
    { agent_id: 'a-1', cid: 'vm-a-1', job: 'web', index: 0, ips: ['10.0.0.1'], expects_vm: true },
    { agent_id: 'a-2' },
    { agent_id: null, cid: null, ips: [], vm_created_at: null },
  ]);
  const vms = await api.json<unknown[]>('/deployments/web/vms');
  for (const each of vms) expect(Value.Errors(VmSummary, each)).toEqual([]);
  expect(vms).toMatchObject([{ active: true, vm_created_at: '2030-01-01T00:00:00Z' }, { agent_id: 'a-2' }]);

  const full = async (path: string) => {
    const task = await api.ended(await api.fetch(`/deployments/web/${path}?format=full`));
    expect(task).toMatchObject({ description: 'retrieve vm-stats', lane: 'urgent', state: 'done', result: null });
    const lines = task.output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    for (const line of lines) expect(Value.Errors(FullInstance, line)).toEqual([]);
    return lines;
  };
  expect(await full('instances')).toMatchObject([
    { id: 'i-0', job_state: 'running', processes: [{ name: 'p' }], vm_cid: 'vm-a-1', vm_type: 'small' },
    { id: 'i-1', job_state: 'unresponsive agent', processes: [] },
    { id: 'i-2', job_state: null, vm_cid: null, active: null },
  ]);
  expect(await full('vms')).toHaveLength(2);
});

function instance(of: string, index: number) {
  return {
    id: id<InstanceId>(of),
    deployment: id<DeploymentName>('web'),
    group: 'web',
    index,
    az: 'z1',
    state: 'started' as const,
    bootstrap: index === 0,
    ignore: false,
    compilation: false,
    updateCompleted: true,
    spec: { lifecycle: 'service', vm_type: { name: 'small' } },
  };
}

function vm(agent: string, of: string) {
  return {
    agentId: id<AgentId>(agent),
    cid: id<VmCid>(`vm-${agent}`),
    instanceId: id<InstanceId>(of),
    state: 'live' as const,
    active: true,
    cpi: '',
    stemcell: { name: 'tiny', version: '1', cid: id<StemcellCid>('s'), apiVersion: 2 },
    cloudProperties: {},
    networks: { default: { type: 'manual', ip: '10.0.0.1' } },
    env: {},
    permanentCredentials: true,
    createdAtMs: Date.UTC(2030, 0, 1),
  };
}
