import { expect, test } from 'vitest';
import { find, type Health } from '../../../dns/query.ts';
import { readRecords } from '../../../dns/records.ts';

const keys =
  'id num_id instance_group group_ids az az_id network network_id deployment ip domain agent_id instance_index';
const row = (id: string, n: number, { az = 'z1', network = 'net', deployment = 'cf' } = {}) => {
  const place = [az, az === 'z1' ? '1' : '2', network, network === 'net' ? '1' : '2', deployment];
  return [id, String(n), 'web', ['5', '7'], ...place, `10.0.0.${n}`, 'bosh', `agent-${n}`, n];
};
const alias = (health: string | null, placeholder: string | null) => [
  { root_domain: 'bosh', group_id: '7', health_filter: health, placeholder_type: placeholder },
];
const records = readRecords(
  JSON.stringify({
    version: 3,
    record_keys: keys.split(' '),
    record_infos: [
      row('a', 1),
      row('b', 2, { az: 'z2' }),
      row('c', 3, { network: 'far' }),
      row('d', 4, { deployment: 'other' }),
    ],
    aliases: {
      'db.internal': alias('all', null),
      '_.node.internal': alias(null, 'uuid'),
      '_.zone.internal': alias(null, 'az'),
    },
  }),
);

function asked(name: string, health: Health = () => 'unchecked'): string[] | string {
  const found = find(records, name, health);
  return found.kind === 'found' ? found.endpoints.map(({ id }) => id) : found.kind;
}

test.each([
  ['a.web.net.cf.bosh', ['a']],
  ['A.WEB.net.cf.bosh.', ['a']],
  ['2.web.net.cf.bosh', ['b']],
  ['q-s0.web.net.cf.bosh', ['a', 'b']],
  ['q-s0.web.*.cf.bosh', ['a', 'b', 'c']],
  ['q-s0.w*.n*t.*.bosh', ['a', 'b', 'd']],
  ['q-a2s0.web.net.cf.bosh', ['b']],
  ['q-a1a2.web.net.cf.bosh', ['a', 'b']],
  ['q-a1i2.web.net.cf.bosh', []],
  ['q-m3n2s0.q-g5.bosh', ['c']],
  ['q-n1s0.q-g7.bosh', ['a', 'b', 'd']],
  ['c.q-g7.bosh', ['c']],
  ['q-s0.q-g99.bosh', []],
  ['agent-2.bosh-agent-id', ['b']],
  ['nobody.bosh-agent-id', []],
  ['db.internal', ['a', 'b', 'c', 'd']],
  ['b.node.internal', ['b']],
  ['z2.zone.internal', ['b']],
  ['x.node.internal', []],
  ['q-x1.web.net.cf.bosh', 'malformed'],
  ['q-.web.net.cf.bosh', 'malformed'],
  ['a.web.bosh', 'malformed'],
  ['a.b.bosh-agent-id', 'malformed'],
  ['bosh', 'malformed'],
  ['example.com', 'elsewhere'],
  ['notbosh', 'elsewhere'],
])('%s', (name, expected) => {
  expect(asked(name)).toEqual(expected);
});

test('by health: healthy, unhealthy, all, and by default all but those that are known to be unhealthy', () => {
  const health: Health = ({ id }) => (id === 'a' ? 'unhealthy' : id === 'b' ? 'healthy' : 'unchecked');
  expect(asked('q-s0.web.*.cf.bosh', health)).toEqual(['b', 'c']);
  expect(asked('q-s3.web.*.cf.bosh', health)).toEqual(['b']);
  expect(asked('q-s1.web.*.cf.bosh', health)).toEqual(['a']);
  expect(asked('q-s4.web.*.cf.bosh', health)).toEqual(['a', 'b', 'c']);
  expect(asked('q-s0.web.net.cf.bosh', () => 'unhealthy')).toEqual(['a', 'b']); // better one of them than none
});
