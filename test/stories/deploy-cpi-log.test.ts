import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload();
  await director.uploadStemcell();
});

afterEach(() => director.close());

test('the cpi output of a deploy has its calls and answers, and no cloud properties', async () => {
  await director.cloudConfig(cloudConfigOf({ vmType: '{zone: hunter2}' }));
  const deploy = await director.deploy(webTier({ instances: 1, disk: true }));
  expect(deploy).toMatchObject({ state: 'done' });
  const methods = [...deploy.cpi.matchAll(/request: \{"method":"(\w+)"/g)].map(([, method]) => method);
  expect(methods).toEqual(
    expect.arrayContaining(['create_vm', 'set_vm_metadata', 'create_disk', 'attach_disk', 'set_disk_metadata']),
  );
  expect(deploy.cpi.match(/\bresponse: /g)).toHaveLength(methods.length);
  expect(deploy.cpi).not.toContain('hunter2');
  expect(deploy.cpi).not.toContain('PRIVATE KEY');
});

test('each task tells of its own calls', async () => {
  await director.cloudConfig(cloudConfigOf());
  await director.deploy(webTier({ instances: 1 }));
  const deletion = await director.delete('web');
  expect(deletion.cpi).toContain('"method":"delete_vm"');
  expect(deletion.cpi).not.toContain('"method":"create_vm"');
});
