import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { interpolate } from '../../../../manifests/interpolate.ts';
import { staticVariables } from '../../../../manifests/vars/source.ts';
import { varsStore } from '../../../../manifests/vars/store.ts';
import { readYaml } from '../../../../manifests/yaml.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vars-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

const text = 'a: ((pw))\nvariables: [{name: pw, type: password}]';
const now = () => new Date('2030-01-01T00:00:00Z');

test('a vars store keeps what it made, for its owner alone', async () => {
  const path = join(folder, 'vars.yml');
  const run = () => interpolate(readYaml(text).value, { sources: [varsStore(path, [], now)] });
  const first = await run();
  expect(await run()).toEqual(first);
  expect(readYaml(await readFile(path, 'utf8')).value).toEqual({ pw: (first as { a: string }).a });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a vars store makes nothing that was given', async () => {
  const path = join(folder, 'vars.yml');
  const given = staticVariables({ pw: 'given' });
  const result = await interpolate(readYaml(text).value, { sources: [given, varsStore(path, [given], now)] });
  expect(result).toEqual({ a: 'given', variables: [] });
  await expect(stat(path)).rejects.toThrow('ENOENT');
});

test('a vars store that is no map is refused, not overwritten', async () => {
  const source = varsStore(folder, [], now);
  await expect(source.get({ name: 'a', type: 'password', options: {} })).rejects.toThrow('EISDIR');
});
