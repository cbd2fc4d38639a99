import { describe, expect, test } from 'vitest';
import { findCpi } from '../../../../manifests/cpi-config.ts';
import { parseCpiConfig } from '../../../../manifests/parse/cpi-config.ts';
import { parseRuntimeConfig } from '../../../../manifests/parse/runtime-config.ts';
import {
  parseAnyConfig,
  parseDeployConfig,
  parseResurrectionConfig,
} from '../../../../manifests/parse/small-configs.ts';
import { deployConfigApplies, resurrects } from '../../../../manifests/small-configs.ts';
import { readYaml } from '../../../../manifests/yaml.ts';
import { faultsOf } from '../faults-of.ts';

describe('a runtime config', () => {
  const parse = (...texts: string[]) => parseRuntimeConfig(texts.map((text) => readYaml(text)));

  test('may be several, one after the other', () => {
    const { value } = parse(
      'releases: [{name: dns, version: 1.10}]\naddons: [{name: a, jobs: [{name: j, release: dns, properties: {x: 1}}]}]',
      'releases: [{name: os, version: 2}]\naddons: [{name: b, properties: {y: 1}, jobs: [{name: k, release: dns}]}]\ntags: {t: 1}',
    );
    expect(value.releases.map(({ name, version }) => `${name}/${version}`)).toEqual(['dns/1.10', 'os/2']);
    expect(value.addons.map(({ jobs }) => jobs[0]?.properties)).toEqual([{ x: 1 }, { y: 1 }]);
    expect(value.tags).toEqual({ t: '1' });
  });

  test('names versions that stay, lists its releases, and has tags and variables once', () => {
    const one =
      'releases: [{name: a, version: latest}, {name: b, version: 1.latest}]\ntags: {}\nvariables: [{name: v, type: password}]';
    const two = 'addons: [{name: x, jobs: [{name: j, release: c}]}]\ntags: {}\nvariables: [{name: v, type: password}]';
    expect(faultsOf(() => parse(one, two)).sort()).toEqual([
      'addons.0.jobs.0.release (1) 530002',
      'releases.0.version (1) 530001',
      'releases.1.version (1) 530001',
      'tags (2) 530006',
      'variables.0.name (3) 560000',
    ]);
  });

  test('may be none', () => {
    expect(parse().value).toEqual({ releases: [], addons: [], variables: [], tags: {} });
  });
});

describe('a CPI config', () => {
  const parse = (text: string) => parseCpiConfig(readYaml(text)).value;

  test('finds a CPI by its name or a former one', () => {
    const config = parse(
      'cpis: [{name: a, type: vsphere, migrated_from: [{name: old}], properties: {x: 1}}, {name: b, type: t, exec_path: /bin/cpi}]',
    );
    expect(findCpi(config, 'old')).toEqual({
      name: 'a',
      type: 'vsphere',
      execPath: '/var/vcap/jobs/vsphere_cpi/bin/cpi',
      properties: { x: 1 },
      migratedFrom: ['old'],
    });
    expect(findCpi(config, 'b')?.execPath).toBe('/bin/cpi');
    expect(findCpi(config, 'c')).toBeUndefined();
  });

  test('gives every name once, former ones too', () => {
    expect(faultsOf(() => parse('cpis: [{name: a, type: t}, {name: b, type: t, migrated_from: [{name: a}]}]'))).toEqual(
      ['cpis.1.migrated_from.0.name (1) 550000'],
    );
    expect(faultsOf(() => parse('{}'))).toEqual([' (1) 40001']);
  });
});

test('a deploy config applies to those that it includes, or to all that it does not exclude', () => {
  const config = (text: string) => parseDeployConfig(readYaml(text));
  expect(config('{flags: [fix, fixx], include: [a]}')).toMatchObject({
    value: { flags: ['fix'] },
    warnings: [{ path: 'flags', suggestion: 'did you mean "fix"?' }],
  });
  const applies = (text: string) => deployConfigApplies(config(text).value, 'a');
  expect([
    applies('{include: [a]}'),
    applies('{include: [b]}'),
    applies('{exclude: [a]}'),
    applies('{exclude: [b]}'),
  ]).toEqual([true, false, false, true]);
  expect([applies('{}'), applies('{include: [a], exclude: [b]}')]).toEqual([true, false]);
});

test('one resurrection rule that says no is enough', () => {
  const rules = (text: string) => parseResurrectionConfig(readYaml(`rules: ${text}`)).value.rules;
  const no = rules(
    '[{enabled: true}, {enabled: false, include: {deployments: [shop]}, exclude: {instance_groups: [db]}}]',
  );
  expect([resurrects(no, 'shop', 'web'), resurrects(no, 'shop', 'db'), resurrects(no, 'other', 'web')]).toEqual([
    false,
    true,
    true,
  ]);
  expect(resurrects([], 'any', 'any')).toBe(true);
  expect(faultsOf(() => rules('[{}, {enabled: maybe}]'))).toEqual(['rules.0 (1) -', 'rules.1.enabled (1) 40000']);
});

test('any other config is a map', () => {
  expect(parseAnyConfig(readYaml('{a: 1}')).value).toEqual({ a: 1 });
  expect(faultsOf(() => parseAnyConfig(readYaml('[a]')))).toEqual([' (1) 440011']);
});
