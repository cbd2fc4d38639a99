import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { givenCliDirector, noSignals, shipped, type CliDirector } from '../support/given-cli-director.ts';

let cli: CliDirector;
beforeAll(async () => {
  cli = await givenCliDirector({ ...noSignals, untilStopped: () => new Promise<void>(() => {}) });
}, 30_000);
afterAll(() => cli.close());

test('an errand of a group and of a job is run, its output shown, and logs are fetched', async () => {
  await cli.uploadGreeter();
  const quickstart = await readFile(shipped('manifests/shipped/quickstart/greeter.yml'), 'utf8');
  const withoutDisks = quickstart.trimEnd().replace(/^ *persistent_disk.*\n/gm, '');
  const group = `- name: tests
  lifecycle: errand
  instances: 1
  azs: [z1]
  vm_type: default
  stemcell: default
  networks: [{name: default}]
  jobs: [{name: smoke-tests, release: greeter}]
`;
  await writeFile(join(cli.dir, 'tests.yml'), `${withoutDisks}\n${group}`.replace('name: greeter', 'name: tested'));
  expect(await cli.gantry(['-d', 'tested', 'deploy', join(cli.dir, 'tests.yml')])).toMatchObject({
    code: 0,
    errors: '',
  });
  expect(await cli.rowsOf('-d', 'tested', 'errands')).toEqual([{ name: 'smoke-tests' }, { name: 'tests' }]);

  const ran = ['-d', 'tested', 'run-errand', 'tests', '--download-logs', '--logs-dir', join(cli.dir, 'errand-logs')];
  expect(await cli.rowsOf(...ran)).toEqual([
    {
      instance: expect.stringMatching(/^tests\//),
      exit_code: '0',
      stdout: expect.stringContaining('simulated'),
      stderr: '',
    },
  ]);
  expect((await readdir(join(cli.dir, 'errand-logs'))).join()).toMatch(/^tests-\d{8}-\d{6}-\d+\.tgz$/);
  expect(await cli.gantry(['-d', 'tested', 'run-errand', 'smoke-tests', '--instance', 'greeter/9'])).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/^Running errand 'smoke-tests':\n {2}Expected task/),
  });

  expect(await cli.gantry(['-d', 'tested', 'logs', '--dir', join(cli.dir, 'all-logs')])).toMatchObject({ code: 0 });
  expect(await cli.gantry(['-d', 'tested', 'logs', 'greeter/0', '--dir', join(cli.dir, 'all-logs')])).toMatchObject({
    code: 0,
  });
  expect((await readdir(join(cli.dir, 'all-logs'))).map((name) => name.replace(/-\d{8}-.*/, ''))).toEqual([
    'tested',
    'tested.greeter.0',
  ]);
  expect(await cli.gantry(['-d', 'tested', 'delete-deployment'])).toMatchObject({ code: 0 });
}, 120_000);
