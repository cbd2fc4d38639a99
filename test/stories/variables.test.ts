import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
});

afterEach(() => director.close());

const set = (name: string, value: string) => director.configServer.set({ name, type: 'value', value });

/** Port 80 of the web tier becomes a placeholder. */
const withPort = (placeholder: string, more = '') => webTier().replace('port: 80', `port: "${placeholder}"`) + more;

/** What the job's file says on each machine. */
async function ports(): Promise<unknown[]> {
  const instances = await director.store.instances.ofDeployment('web');
  return instances.map(({ spec }) => spec?.['configuration_hash']);
}

test('a password that the manifest defines is made once, used by templates, and told to nobody', async () => {
  const manifest = withPort('((db_password))', 'variables: [{name: db_password, type: password}]\n');
  const first = await director.deploy(manifest);
  expect(first).toMatchObject({ state: 'done' });
  const made = (await director.configServer.current(['/test/web/db_password'])).get('/test/web/db_password');
  expect(made?.value).toMatch(/^[a-z0-9]{20}$/);

  expect(await director.deploy(manifest)).not.toMatchObject({ events: expect.stringContaining('Updating instance') });
  expect((await director.configServer.versions('/test/web/db_password', 10)).map(({ id }) => id)).toEqual([made?.id]);

  const told = JSON.stringify([first, await director.store.instances.all(), await director.store.events.list({})]);
  expect(told).not.toContain(made?.value);
  const [event] = await director.store.events.list({ objectType: 'variable' });
  expect(event).toMatchObject({
    action: 'create',
    objectName: '/test/web/db_password',
    context: { update_strategy: 'on-deploy', latest_version: true, name: '/test/web/db_password', id: made?.id },
  });
});

test('a new value updates the instances that use it, and only a deploy takes it', async () => {
  await set('/test/web/port', 'cats');
  await director.deploy(withPort('((port))'));
  const before = await ports();

  await set('/test/web/port', 'dogs');
  const restarted = await director.deploy(withPort('((port))'), {}, [{ group: 'web', index: null, state: 'restart' }]);
  expect(restarted).toMatchObject({ state: 'done' });
  expect(restarted.events).toContain('Updating instance');
  expect(await ports()).toEqual(before);

  const deployed = await director.deploy(withPort('((port))'));
  expect(deployed.debug).toContain('templates changed of web');
  expect(await ports()).not.toEqual(before);
  expect((await director.deploy(withPort('((port))'))).events).not.toContain('Updating instance');
});

test('what is missing is told with all its places, before anything is made', async () => {
  const failed = await director.deploy(
    withPort('((port))').replace('vm_type: small', 'vm_type: small\n  env: {bosh: {password: ((/shared/password))}}'),
  );
  expect(failed).toMatchObject({ state: 'error' });
  expect(failed.events).toContain(
    "instance_groups.web.env.bosh.password: Failed to find variable '/shared/password' from config server",
  );
  expect(failed.events).toContain(
    "instance_groups.web.jobs.web.properties.port: Failed to find variable '/test/web/port' from config server",
  );
  expect(director.cpi.inventory().vms).toEqual([]);

  await set('/names/group', 'web');
  const early = await director.deploy(
    webTier().replace('name: web\n  instances: 3', 'name: ((/names/group))\n  instances: ((count))'),
  );
  expect(early.events).toContain(
    "instance_groups.0.instances: Failed to find variable '/test/web/count' from config server",
  );
  expect(early.events).not.toContain('/names/group');
});

test('the infrastructure gets values, the records keep placeholders, and a new value replaces the VMs that had it', async () => {
  await set('/iaas/zone', 'z9');
  await set('/iaas/disk', 'fast');
  await set('/iaas/password', 'hunter-two');
  await director.cloudConfig(
    cloudConfigOf({ vmType: '{zone: ((/iaas/zone))}' }).replace(
      'disk_size: 1024',
      'disk_size: 1024, cloud_properties: {type: ((/iaas/disk))}',
    ),
  );
  const manifest = webTier({ disk: true, instances: 1 }).replace(
    'vm_type: small',
    'vm_type: small\n  env: {persistent_disk_fs: ((/iaas/password))}',
  );
  const first = await director.deploy(manifest);
  expect(first).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().disks).toMatchObject([{ cloudProperties: { type: 'fast' } }]);
  const [vm] = director.cpi.inventory().vms;
  expect(vm).toMatchObject({ zone: 'z9' });
  expect(vm?.env).toMatchObject({ persistent_disk_fs: 'hunter-two' });
  const [row] = await director.store.instances.ofDeployment('web');
  expect(row?.vms[0]).toMatchObject({ cloudProperties: { zone: '((/iaas/zone))' } });
  expect(row?.disks[0]).toMatchObject({ cloudProperties: { type: '((/iaas/disk))' } });
  expect(JSON.stringify([first, row])).not.toContain('hunter-two');
  expect((await director.deploy(manifest)).events).not.toContain('Updating instance');

  await set('/iaas/password', 'hunter-three');
  const replaced = await director.deploy(manifest);
  expect(replaced.debug).toContain('env changed: persistent_disk_fs');
  expect(director.cpi.inventory().vms.map(({ env }) => env)).toMatchObject([{ persistent_disk_fs: 'hunter-three' }]);
  expect((await director.deploy(manifest)).events).not.toContain('Updating instance');
  expect(await director.store.variableSets.ofDeployment('web')).toHaveLength(3);
});
