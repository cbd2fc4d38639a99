import { execFileSync, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../cli/run.ts';
import { stemcellManifestOf } from '../../cli/stemcell-file.ts';
import { givenStreams } from '../support/cli-ui.ts';
import { givenCliDirector, noSignals, shipped, type CliDirector } from '../support/given-cli-director.ts';

let cli: CliDirector;
const gantry: CliDirector['gantry'] = (...given) => cli.gantry(...given);
const rowsOf: CliDirector['rowsOf'] = (...words) => cli.rowsOf(...words);
beforeAll(async () => {
  cli = await givenCliDirector();
  await cli.packGreeter('1');
}, 30_000);
afterAll(() => cli.close());

test('an operator goes from an empty director to running instances, changes them, and takes all away', async () => {
  const manifest = shipped('manifests/shipped/quickstart/greeter.yml');
  const cloudConfig = shipped('manifests/shipped/quickstart/cloud-config.yml');
  for (const words of [
    ['create-stemcell', 'stemcell.tgz'],
    ['upload-release', 'greeter.tgz'],
    ['upload-stemcell', 'stemcell.tgz'],
    ['update-cloud-config', cloudConfig],
  ])
    expect(await gantry(words)).toMatchObject({ code: 0, errors: '' });
  expect(await rowsOf('releases')).toEqual([{ name: 'greeter', version: '1', commit_hash: expect.any(String) }]);

  // The plan tells what will happen, and nothing else; nothing has happened then.
  const plan = await gantry(['-d', 'greeter', 'plan', manifest]);
  expect(plan).toMatchObject({ code: 0, errors: '' });
  expect(plan.text.match(/create greeter\/new \(\d\).*: it does not exist yet/g)).toHaveLength(3);
  expect(plan.text).not.toContain('Task ');
  expect(plan.text).not.toContain('+ ');
  expect((await gantry(['-d', 'greeter', 'plan', manifest, '--diff'])).text).toMatch(/^\+ [^]*\n\+ name: greeter\n/m);
  expect(await rowsOf('-d', 'greeter', 'plan', manifest)).toContainEqual(
    expect.objectContaining({ instance: 'greeter/new', action: 'create', changes: 'new', wave: '1', canary: 'true' }),
  );
  const live = await gantry(['-d', 'greeter', 'plan', manifest], { terminal: true });
  expect(live.text.split('Asking the director')).toHaveLength(2); // drawn once, and not again below the plan
  expect(await rowsOf('-d', 'greeter', 'vms')).toEqual([]);

  const deploy = await gantry(['-d', 'greeter', 'deploy', manifest]);
  expect(deploy).toMatchObject({ code: 0, errors: '' });
  expect(deploy.text).toMatch(/Updating instance greeter: greeter\/\S+ \(0\) \(canary\)/);
  const instances = await rowsOf('-d', 'greeter', 'instances');
  expect(instances.map((row) => row['process_state'])).toEqual(['running', 'running', 'running']);
  expect(await gantry(['-d', 'greeter', 'plan', manifest])).toMatchObject({
    text: expect.stringMatching(/^Nothing to/),
  });

  const explained = await gantry(['-d', 'greeter', 'explain', 'greeter/0']);
  expect(explained).toMatchObject({ code: 0, errors: '' });
  expect(explained.text).toMatch(
    /^greeter\/\S+: running \(wanted: started\)\n[^]*health monitor: if its agent stays silent/,
  );

  // One instance is stopped; the listing of what fails names it alone.
  const slug = instances[0]?.['instance'] ?? '';
  expect(await gantry(['-d', 'greeter', 'stop', slug])).toMatchObject({ code: 0 });
  expect(await gantry(['-d', 'greeter', 'stop', 'greter'])).toMatchObject({
    code: 0,
    text: expect.stringContaining('there is no instance group "greter" (did you mean "greeter"?)'),
  });
  expect((await gantry(['-d', 'greeter', 'explain', slug])).text).toContain(`gantry -d greeter start ${slug}`);
  const states = (await rowsOf('-d', 'greeter', 'instances')).map((row) => row['process_state']);
  expect(states.filter((state) => state !== 'running')).toHaveLength(1);

  expect(await gantry(['-d', 'greeter', 'delete-deployment'])).toMatchObject({ code: 0, errors: '' });
  expect(await rowsOf('vms')).toEqual([]);
  expect(await rowsOf('disks', '--orphaned')).toHaveLength(3);
  const events = await rowsOf('events', '--object-type', 'deployment', '--action', 'delete');
  expect(events).not.toEqual([]);
}, 120_000);

test('a release may come through a pipe, which can be read once', async () => {
  const pipe = join(cli.dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const feeding = spawn('cp', [join(cli.dir, 'greeter.tgz'), pipe]);
  expect(await gantry(['upload-release', pipe, '--fix'])).toMatchObject({ code: 0, errors: '' });
  expect(feeding.exitCode).toBe(0);
});

test('a stemcell is made of nothing but what it is called, for one CPI or another', async () => {
  const properties = '{"image_id": "img-7"}';
  const words = [
    '--name=own',
    '--os=tiny',
    '--version=2.1',
    '--format=a',
    '--format=b',
    '--cloud-properties',
    properties,
  ];
  expect(await gantry(['create-stemcell', 'own.tgz', ...words])).toMatchObject({ code: 0, errors: '' });
  expect(await rowsOf('inspect-local-stemcell', 'own.tgz')).toMatchObject([
    { name: 'own', os: 'tiny', version: '2.1' },
  ]);
  const inspected = await stemcellManifestOf(createReadStream(join(cli.dir, 'own.tgz')), 'own.tgz');
  expect(inspected).toMatchObject({ formats: ['a', 'b'], cloudProperties: { image_id: 'img-7' } });
});

test('faults of a manifest are told with the lines of the file that its author has, not of what is sent', async () => {
  const shippedManifest = await readFile(shipped('manifests/shipped/quickstart/greeter.yml'), 'utf8');
  const bad = `# sent, the keys are sorted\n${shippedManifest.replace('azs: [z1, z2]', 'azs: [z1, z9]')}`;
  await writeFile(join(cli.dir, 'bad.yml'), bad);
  const line = bad.split('\n').findIndex((text) => text.includes('z9')) + 1;
  await gantry(['update-cloud-config', shipped('manifests/shipped/quickstart/cloud-config.yml')]);
  const { code, text } = await gantry(['-d', 'greeter', 'plan', 'bad.yml']);
  expect(code).toBe(1);
  expect(text).toMatch(new RegExp(`azs.1: the cloud config has no AZ "z9" .*\\[line ${line}\\]`));
});

test('with a wrong password every command says what to do; one that anybody may ask succeeds, as with bosh', async () => {
  const options = { user: 'stranger' };
  expect(await gantry(['deployments'], options)).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/BOSH_CLIENT_SECRET.*\nExit code 1\n$/),
  });
  const environment = await gantry(['environment', '--tty'], options);
  expect(environment).toMatchObject({ code: 0, errors: '' });
  expect(environment.text).toMatch(/\(not logged in\)[^]*BOSH_CLIENT_SECRET/);
  expect((await gantry(['environment', '--json'], options)).text).not.toContain('BOSH_CLIENT_SECRET');
});

test('a VM that no record tells of is deleted by its name, whatever that looks like', async () => {
  const { code, text } = await gantry(['-n', 'delete-vm', 'vm/of somebody']);
  expect(code).toBe(0);
  expect(text).toContain('Delete VM: VM vm/of somebody is successfully deleted');
});

test('where no director listens, its address and what to do are said in one sentence', async () => {
  const { code, errors } = await gantry(['-e', 'https://127.0.0.1:1', 'environment']);
  expect(code).toBe(1);
  expect(errors).toMatch(/No director listens at https:\/\/127\.0\.0\.1:1: start it .*BOSH_ENVIRONMENT/);
});

test('release authors are told what was made, and what is missing', async () => {
  const made = await gantry(['init-release', '--dir=own-release', '--tty']);
  expect(made.text).toMatch(/Began a release in .*own-release/);
  expect((await gantry(['generate-job', 'web', '--dir=own-release', '--json'])).text).not.toContain('Made');
  expect((await gantry(['upload-release', '--dir=own-release'])).errors).toContain('gantry create-release --dir own');
  const created = await gantry(['create-release', '--dir=own-release', '--force', '--tty']);
  expect(created.text).toMatch(
    /^Adding job 'web\/(.*)'\.\.\.\nAdded job 'web\/\1'\n\nAdded dev release 'own\/0\+dev\.1'\n/,
  );
  // the first goes as it is, the second without what the director has by then, the third again with all
  const tarball = ['create-release', '--dir=own-release', '--force', '--version=7', '--tarball=own-7.tgz'];
  expect(await gantry(tarball)).toMatchObject({ code: 0, errors: '' });
  for (const more of [[], [], ['--fix']])
    expect(await gantry(['upload-release', 'own-7.tgz', ...more])).toMatchObject({ code: 0, errors: '' });
  expect(await rowsOf('releases')).toContainEqual(expect.objectContaining({ name: 'own', version: '7' }));
  expect(await gantry(['delete-release', 'own'])).toMatchObject({ code: 0 });
  expect((await gantry(['upload-release'])).errors).toMatch(/No release is named, and .* no release directory/);
});

test('a director on a terminal tells how to connect and where its log is, and when it stops and has stopped', async () => {
  const state = join(cli.dir, "another director's state");
  const config = {
    state_directory: state,
    listen: { port: 0, hostnames: ['127.0.0.1'] },
    bus: { kind: 'embedded', port: 0 },
    cpi: { kind: 'memory', machines: 'simulated' },
    log: { file: join(cli.dir, 'director.log') },
  };
  await writeFile(join(cli.dir, 'another.yml'), JSON.stringify(config));
  const streams = givenStreams();
  const options = { cwd: cli.dir, streams, terminal: true, version: '1', env: {}, ...noSignals };
  expect(await runCli({ ...options, words: ['director', '--config', 'another.yml'] })).toBe(0);
  const [quoted, text] = [state.replace("'", `'\\''`), streams.text()];
  expect(text).toMatch(/export BOSH_ENVIRONMENT=https:\/\/127\.0\.0\.1:\d+\n/);
  expect(text).toContain(`export BOSH_CA_CERT='${quoted}/ca.pem'\n`);
  expect(text).toContain(`BOSH_CLIENT_SECRET="$(cat '${quoted}/admin-password')"\n`);
  expect(text).toContain(`Its log is in ${join(cli.dir, 'director.log')}.`);
  expect(text).toMatch(/Stopping\. .*\n\nStopped\.\n$/);
}, 30_000);

test('help names each flag once, also one that a command has for itself', async () => {
  const { text } = await gantry(['director', '--help']);
  expect(text.match(/--config=/g)).toHaveLength(1);
  expect(text).toContain("The director's config file");
});

test('help for a director lists what it takes, and nothing of what says where a client finds one', async () => {
  const { text } = await gantry(['director', '--help']);
  expect([...text.matchAll(/--([a-z]+)/g)].map(([, name]) => name)).toEqual(['help', 'config']);
  expect((await gantry(['deploy', '--help'])).text).toContain('--environment=NAME');
});

test('a command line that cannot be read is told in words, also to who wants JSON, as with bosh', async () => {
  for (const [words, said] of [
    [['nosuch', '--json'], "Unknown command `nosuch'"],
    [['--json'], 'Please specify one command of'],
    [['deploy', '--json'], 'the required argument `PATH` was not provided'],
  ] as const) {
    const { code, text, errors } = await gantry(words);
    expect([code, text]).toEqual([1, '\n']);
    expect(errors).toMatch(new RegExp(`^${said}[^]*\nExit code 1\n$`));
  }
  // once it could be read, what goes wrong is a part of the document
  const { text } = await gantry(['-d', '', 'manifest', '--json']);
  expect(JSON.parse(text)).toMatchObject({
    Lines: [expect.any(String), expect.stringContaining('deployment name'), 'Exit code 1'],
  });
});

test('without any words it tells what there is, and fails as where a command is missing', async () => {
  const { code, text, errors } = await gantry([]);
  expect(code).toBe(1);
  expect(text).toMatch(/Available commands:\n[^]*\n {2}deploy {2}/);
  expect(errors).toMatch(/^Please specify one command of those that `gantry help` lists\nExit code 1\n$/);
});

test('commands that are not built say so, whatever flags of bosh they are given', async () => {
  for (const words of [
    ['create-env', 'vm.yml', '--recreate'],
    ['delete-network', '--what'],
  ]) {
    const { code, errors } = await gantry(words);
    expect([code, errors]).toEqual([1, expect.stringMatching(/^'[a-z-]+' is not built yet/)]);
  }
});

test('a CA that is none is told before anybody is asked', async () => {
  await writeFile(join(cli.dir, 'bad.pem'), 'no PEM\n');
  const { code, errors } = await gantry(['environment', '--ca-cert=bad.pem', '--ca-cert', join(cli.dir, 'bad.pem')]);
  expect(code).toBe(1);
  expect(errors).toMatch(/^Validating Director connection config:\n {2}Parsing certificate 1: Missing PEM block\n/);
});

test('an instance that cannot be ignored is told with what was to be changed', async () => {
  for (const word of ['ignore', 'unignore'])
    expect((await gantry(['-d', 'nosuch', word, 'web/9'])).errors).toMatch(
      /^Changing ignore state for 'web\/9' in deployment 'nosuch':\n {2}Director responded/,
    );
});

test('a key that repeats another is warned of, with its line', async () => {
  await writeFile(join(cli.dir, 'twice.yml'), 'a: 1\nb: 2\na: 3\n');
  const { code, text, errors } = await gantry(['interpolate', 'twice.yml']);
  expect([code, text]).toEqual([0, expect.stringContaining('a: 3')]);
  expect(errors).toBe('Warning: twice.yml: "a" in line 3 repeats a key of the same map, and takes its place\n');
});

test('a shell is told names to offer, and nothing when there is no director to tell them', async () => {
  await gantry(['-d', 'greeter', 'deploy', shipped('manifests/shipped/quickstart/greeter.yml')]); // its name is enough
  expect(await gantry(['completion', '--names', 'deployments'])).toEqual({ code: 0, text: 'greeter\n', errors: '' });
  const nothing = { code: 0, text: '', errors: '' };
  expect(await gantry(['completion', '--names=deployments', '-e', 'https://127.0.0.1:1'])).toEqual(nothing);
  expect(await gantry(['completion', '--names=deployments'], { user: 'stranger' })).toEqual(nothing);

  expect(await gantry(['completion', '--names=environments'])).toEqual(nothing);
  const own = ['--config', join(cli.dir, 'own-config')];
  await gantry(['alias-env', '$(id)', '-e', cli.director.url, ...own]);
  expect((await gantry(['environments', ...own])).text).toContain('$(id)');
  expect(await gantry(['completion', '--names=environments', ...own])).toEqual(nothing); // a shell would run it
  await gantry(['alias-env', 'lab', '-e', cli.director.url, ...own]);
  expect(await gantry(['completion', '--names=environments', ...own])).toMatchObject({ text: 'lab\n' });
});

test('who may only read is refused what changes something, with the scopes that are missing', async () => {
  expect(await gantry(['deployments'], { user: 'reader' })).toMatchObject({ code: 0 });
  const refused = await gantry(['upload-release', 'greeter.tgz'], { user: 'reader' });
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain("status code '401'");
  expect(refused.errors).toContain('bosh.releases.upload');
});

test('a config that is not there is told in the words of the director', async () => {
  const cloudConfig = shipped('manifests/shipped/quickstart/cloud-config.yml');
  expect(await gantry(['diff-config', '--from-id=99', `--to-content=${cloudConfig}`])).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/^Config 99 not found\n/),
  });
});

test('a password is hashed for the config file, and nothing else is printed', async () => {
  const streams = givenStreams('secret\n');
  const options = { cwd: cli.dir, streams, terminal: false, version: '1', env: {}, ...noSignals };
  expect(await runCli({ ...options, words: ['hash-password'] })).toBe(0);
  expect(streams.text()).toMatch(/^Password: \n/);
  expect(streams.text()).toMatch(/scrypt:15:8:1:\S+:\S+\n$/);
  expect(await readFile(join(cli.dir, 'director.yml'), 'utf8')).not.toContain('scrypt:');
});
