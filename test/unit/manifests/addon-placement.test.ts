import { expect, test } from 'vitest';
import { addonApplies, type AddonCandidate } from '../../../manifests/addon-placement.ts';
import { parseRuntimeConfig } from '../../../manifests/parse/runtime-config.ts';
import { readYaml } from '../../../manifests/yaml.ts';

const candidate: AddonCandidate = {
  deployment: 'shop',
  teams: ['dev'],
  group: {
    name: 'web',
    lifecycle: 'service',
    azs: ['z1', 'z2'],
    networks: [{ name: 'lan' }],
    jobs: [{ name: 'nginx', release: 'web' }],
    stemcellOs: 'jammy',
  },
};

const applies = (filters: string, to: AddonCandidate = candidate) => {
  const [addon] = parseRuntimeConfig(readYaml(`addons: [{name: a, ${filters}}]`)).value.addons;
  if (addon === undefined) throw new Error('no addon');
  return addonApplies(addon, to);
};

test.each([
  ['jobs: []', true],
  ['include: {}', true],
  ['exclude: {}', true],
  ['include: {deployments: [shop, other]}', true],
  ['include: {deployments: [other]}', false],
  ['include: {deployments: [shop], instance_groups: [db]}', false],
  ['include: {jobs: [{name: nginx, release: web}]}', true],
  ['include: {jobs: [{name: nginx, release: other}]}', false],
  ['include: {stemcell: [{os: jammy}], networks: [lan], azs: [z2], teams: [dev], lifecycle: service}', true],
  ['include: {stemcell: [{os: noble}], networks: [lan]}', false],
  ['include: {lifecycle: errand}', false],
  ['exclude: {azs: [z1]}', false],
  ['exclude: {deployments: [shop], instance_groups: [db]}', true],
  ['exclude: {lifecycle: service}', false],
  ['include: {deployments: [shop]}, exclude: {teams: [dev]}', false],
])('an addon with "%s" applies: %s', (filters, expected) => {
  expect(applies(filters)).toBe(expected);
});

test('a group without AZs is in none', () => {
  expect(applies('include: {azs: [z1]}', { ...candidate, group: { ...candidate.group, azs: null } })).toBe(false);
});
