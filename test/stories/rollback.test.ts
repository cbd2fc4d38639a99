import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { givenCliDirector, shipped, type CliDirector } from '../support/given-cli-director.ts';

let cli: CliDirector;
beforeAll(async () => {
  cli = await givenCliDirector();
  for (const version of ['1', '2', '3']) await cli.packGreeter(version, `greeter-${version}.tgz`);
  await run('create-stemcell', 'stemcell.tgz');
  await run('upload-stemcell', 'stemcell.tgz');
  await run('update-cloud-config', shipped('manifests/shipped/quickstart/cloud-config.yml'));
  await run('upload-release', 'greeter-1.tgz');
}, 30_000);
afterAll(() => cli.close());

const run = async (...words: string[]) => {
  const { code, text, errors } = await cli.gantry(words);
  expect({ words, code, errors }).toEqual({ words, code: 0, errors: '' });
  return text;
};

/** The greeter's, with so many instances; its release is the newest unless it is said which. */
const manifest = async (name: string, instances: number, version = 'latest') => {
  const text = await readFile(shipped('manifests/shipped/quickstart/greeter.yml'), 'utf8');
  const file = join(cli.dir, `${name}-${instances}.yml`);
  await writeFile(
    file,
    text
      .replace('name: greeter\n', `name: ${name}\n`)
      .replace('name: greeter, version: latest', `name: greeter, version: "${version}"`)
      .replace(/instances: \d+/, `instances: ${instances}`)
      .replaceAll('500-30000', '1-30000'),
  );
  return file;
};
const deployed = async (name: string) => {
  const deployment = (await cli.rowsOf('deployments')).find((row) => row['name'] === name);
  return { release: deployment?.['release_s'], instances: (await cli.rowsOf('-d', name, 'instances')).length };
};

test('an operator goes back from a new release and more instances to what was before, and forth again', async () => {
  await run('-d', 'greeter', 'deploy', await manifest('greeter', 2));
  expect(await cli.gantry(['rollback', 'greeter'])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("Deployment 'greeter' has no former deploy to go back to"),
  });
  await run('upload-release', 'greeter-2.tgz');
  await run('-d', 'greeter', 'deploy', await manifest('greeter', 3));
  expect(await deployed('greeter')).toEqual({ release: 'greeter/2', instances: 3 });
  const history = await cli.rowsOf('history', 'greeter');
  expect(history.map((row) => row['release_s'])).toEqual(['greeter/2', 'greeter/1']);

  // First it is shown, and nothing happens; then just that is done.
  const dry = await run('rollback', 'greeter', '--dry-run');
  expect(dry).toMatch(/delete greeter\/\S+ \(2\).*: the group has no place for it/);
  expect(await deployed('greeter')).toEqual({ release: 'greeter/2', instances: 3 });
  await run('rollback', 'greeter');
  expect(await deployed('greeter')).toEqual({ release: 'greeter/1', instances: 2 });

  // `latest` stays what it was then: also for whoever restarts, though newer releases were uploaded since.
  await run('upload-release', 'greeter-3.tgz');
  await run('-d', 'greeter', 'restart', 'greeter');
  expect(await deployed('greeter')).toEqual({ release: 'greeter/1', instances: 2 });

  await run('rollback', 'greeter', history[0]?.['task'] ?? '');
  expect(await deployed('greeter')).toEqual({ release: 'greeter/2', instances: 3 });
  expect(await cli.gantry(['rollback', 'greeter', '999'])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("Task 999 is none of the deploys of 'greeter'"),
  });
}, 120_000);

test('after a deploy that failed, going back means to the last that succeeded', async () => {
  await run('-d', 'other', 'deploy', await manifest('other', 1, '1'));
  await run('-d', 'other', 'deploy', await manifest('other', 2, '1'));
  expect((await cli.gantry(['-d', 'other', 'deploy', await manifest('other', 3, '4')])).code).toBe(1);
  expect(await run('rollback', 'other', '--dry-run')).toContain('Nothing to change');
  await run('rollback', 'other');
  expect(await run('rollback', 'other', '--dry-run')).toMatch(/delete greeter\/\S+ \(1\)/);
}, 120_000);
