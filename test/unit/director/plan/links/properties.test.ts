import { expect, test } from 'vitest';
import { layOut } from '../../../../../director/plan/layout.ts';
import { resolveLinks } from '../../../../../director/plan/links/resolve-links.ts';
import { id, type InstanceId } from '../../../../../common/ids.ts';
import type { YamlMap } from '../../../../../manifests/value.ts';
import { readYaml } from '../../../../../manifests/yaml.ts';
import { numeralOf } from '../../../../../manifests/yaml/numerals.ts';
import { anyNumbers } from '../../../../support/plan/numbers.ts';
import { wantedOf } from '../../../../support/plan/wanted-of.ts';

test('a float that goes through a link stays as it was written', () => {
  const manifest = readYaml(
    `
instance_groups:
- {name: db, azs: [z1], jobs: [{name: db, release: app, properties: {port: 1.0}}]}
- {name: worker, azs: [z1]}
`,
    'manifest',
  ).value as YamlMap; // as above
  const wanted = wantedOf(manifest, {});
  const layout = layOut(wanted, { instances: [], addresses: [] }, [id<InstanceId>('a'), id<InstanceId>('b')]);
  const { links } = resolveLinks(wanted, layout, { elsewhere: new Map(), numbers: anyNumbers() });
  const link = links.get('worker')?.get('worker')?.['db'];
  const properties = link?.['properties'] as YamlMap; // BOSH's key
  expect(properties).toEqual({ port: 1 });
  expect(numeralOf(properties, 'port')).toBe('1.0');
});
