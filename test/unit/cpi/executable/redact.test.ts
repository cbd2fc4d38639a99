import { expect, test } from 'vitest';
import { redacted, redactedResult } from '../../../../cpi/executable/redact.ts';
import type { WireMethod } from '../../../../cpi/executable/wire.ts';

const context = { director_uuid: 'd', request_id: 'cpi-1', password: 'secret', vm: { stemcell: { api_version: 3 } } };
const shown = (method: WireMethod, given: unknown[]) => redacted({ method, arguments: given, context }, ['password']);

test('properties of the CPI config are hidden in every request', () => {
  expect(shown('has_vm', ['vm-1'])).toEqual({
    method: 'has_vm',
    arguments: ['vm-1'],
    context: { ...context, password: '<redacted>' },
  });
});

test('of create_vm: cloud properties and the environment are hidden, addresses and the group are not', () => {
  const network = { type: 'manual', ip: '10.0.0.4', cloud_properties: { key: 'secret' } };
  const env = { bosh: { group: 'g', groups: ['g'], tags: { a: 'b' }, mbus: { cert: 'secret' } }, other: 'secret' };
  const given = ['agent-1', 'sc-1', { token: 'secret' }, { a: network, b: { type: 'dynamic' } }, ['disk-1'], env];
  expect(shown('create_vm', given).arguments).toEqual([
    'agent-1',
    'sc-1',
    { token: '<redacted>' },
    { a: { ...network, cloud_properties: { key: '<redacted>' } }, b: { type: 'dynamic' } },
    ['disk-1'],
    { bosh: { group: 'g', groups: ['g'], tags: { a: 'b' }, mbus: '<redacted>' }, other: '<redacted>' },
  ]);
  expect(env.bosh.mbus.cert).toBe('secret'); // the request itself is as it was
});

test('cloud properties of disks and networks are hidden', () => {
  expect(shown('create_disk', [64, { token: 'secret' }, 'vm-1']).arguments).toEqual([
    64,
    { token: '<redacted>' },
    'vm-1',
  ]);
  expect(shown('update_disk', ['d', 64, { token: 's' }]).arguments).toEqual(['d', 64, { token: '<redacted>' }]);
  expect(shown('create_network', [{ type: 'manual', cloud_properties: { token: 's' } }]).arguments).toEqual([
    { type: 'manual', cloud_properties: { token: '<redacted>' } },
  ]);
});

test('what is of no known shape is hidden whole', () => {
  expect(shown('create_vm', ['a', 's', 'secret', 'n', [], 'secret']).arguments).toEqual([
    'a',
    's',
    '<redacted>',
    'n',
    [],
    '<redacted>',
  ]);
});

test('of answers, what may be secret is hidden', () => {
  const network = { type: 'manual', ip: '10.0.0.2', cloud_properties: { token: 's' } };
  const hidden = { ...network, cloud_properties: { token: '<redacted>' } };
  expect(redactedResult('create_vm', ['vm-1', { a: network }])).toEqual(['vm-1', { a: hidden }]);
  expect(redactedResult('create_network', ['n-1', {}, { token: 's' }])).toEqual(['n-1', {}, { token: '<redacted>' }]);
  expect(redactedResult('calculate_vm_cloud_properties', { token: 's' })).toEqual({ token: '<redacted>' });
  expect(redactedResult('attach_disk', { path: '/dev/sdb', iscsi_settings: { password: 's' } })).toEqual({
    path: '/dev/sdb',
    iscsi_settings: '<redacted>',
  });
  expect(redactedResult('attach_disk', '/dev/sdb')).toBe('/dev/sdb');
  expect(redactedResult('has_vm', true)).toBe(true);
});
