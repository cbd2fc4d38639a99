import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

const packages = { base: [], left: ['base'], right: ['base'], top: ['left', 'right'] };
let director: Awaited<ReturnType<typeof givenDirector>>;

beforeEach(async () => {
  director = await givenDirector();
  await director.upload({ packages });
  await director.uploadStemcell('1');
  await director.uploadStemcell('2');
});
afterEach(() => director.close());

const cloud = ({ workers, reuse }: { workers: number; reuse: boolean }) =>
  cloudConfigOf()
    .replace('workers: 2', `workers: ${workers}`)
    .replace('reuse_compilation_vms: true', `reuse_compilation_vms: ${reuse}`);
/** How many VMs were made in a task, by its cpi output. */
const made = (cpi: string) => cpi.match(/"method":"create_vm"/g)?.length ?? 0;
const compiled = (events: string) =>
  [...events.matchAll(/"stage":"Compiling packages"[^\n]*"task":"([a-z]+)[^\n]*"state":"finished"/g)].map(
    ([, name]) => name,
  );
const noInstances = webTier({ instances: 0 });

test('one machine that is reused compiles all, one after the other', async () => {
  await director.cloudConfig(cloud({ workers: 1, reuse: true }));
  const { state, events, cpi } = await director.deploy(webTier({ instances: 1 }));
  expect(state).toBe('done');
  expect(compiled(events)).toEqual(['base', 'left', 'right', 'top']);
  expect(made(cpi)).toBe(2); // one of them is web's
  expect(director.cpi.inventory().vms).toHaveLength(1);
});

test('without reuse each package has a machine of its own; two at most are there at once', async () => {
  await director.cloudConfig(cloud({ workers: 2, reuse: false }));
  const { events, cpi } = await director.deploy(webTier({ instances: 1 }));
  expect(compiled(events)).toHaveLength(4);
  expect(made(cpi)).toBe(5);
  expect(director.cpi.inventory().vms).toHaveLength(1);
});

test('a machine with another stemcell makes room when all workers are taken', async () => {
  await director.cloudConfig(cloud({ workers: 1, reuse: true }));
  const two = webTier({ instances: 1 })
    .replace('stemcells: [', 'stemcells: [{alias: other, os: tiny-os, version: "2"}, ')
    .concat(
      webTier({ instances: 1 })
        .split('instance_groups:\n')[1]
        ?.replace('name: web', 'name: api')
        .replace('stemcell: default', 'stemcell: other') ?? '',
    );
  const { state, events, cpi } = await director.deploy(two);
  expect(state).toBe('done');
  expect(compiled(events)).toHaveLength(8);
  expect(made(cpi)).toBeLessThanOrEqual(2 + 8);
  expect(director.cpi.inventory().vms).toHaveLength(2);
  expect((await director.store.instances.all()).filter(({ compilation }) => compilation)).toEqual([]);
});

test('a machine on which compiling failed is not used again, and what is left of it goes with the next deploy', async () => {
  await director.cloudConfig(cloud({ workers: 1, reuse: true }));
  director.cpi.faults.failOnce('setVmMetadata', 'before'); // it is made, and not ready
  director.cpi.faults.failOnce('deleteVm', 'before');
  const failed = await director.deploy(noInstances.replace('instances: 0', 'instances: 1'));
  expect(failed).toMatchObject({ state: 'error' });
  expect(director.cpi.inventory().vms).toHaveLength(1);
  expect((await director.store.instances.all()).filter(({ compilation }) => compilation)).toHaveLength(1);

  expect(await director.deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });
  const [web, ...others] = await director.store.instances.all();
  expect(web).toMatchObject({ group: 'web', compilation: false });
  expect(others).toEqual([]);
  expect(director.cpi.inventory().vms).toHaveLength(1);
});
