import { describe, expect, test } from 'vitest';
import {
  fillIn,
  findPlaceholders,
  lateSubtrees,
  readPlaceholder,
  variableNameFault,
} from '../../../manifests/placeholders.ts';
import type { YamlValue } from '../../../manifests/value.ts';
import { readYaml } from '../../../manifests/yaml.ts';

const prefix = '/director/shop';

describe("a director's placeholder", () => {
  test('has a relative name that the deployment is put before, or an absolute one', () => {
    expect(readPlaceholder('((db))', prefix)).toEqual({ variable: '/director/shop/db', keys: [] });
    expect(readPlaceholder('((/shared/db.user.name))', prefix)).toEqual({
      variable: '/shared/db',
      keys: ['user', 'name'],
    });
    expect(readPlaceholder('((!db))', prefix)).toEqual({ variable: '/director/shop/db', keys: [] });
    expect(readPlaceholder('((db))', null)).toContain('absolute');
  });

  test.each(['((a b))', '((a/))', '((a//b))', '((a.b/c))', '((.a))', '((a.))', '((a..b))', '((a!b))', '((!))', '(())'])(
    '%s is refused',
    (text) => {
      expect(readPlaceholder(text, prefix)).toBeTypeOf('string');
    },
  );

  test('is no name for a definition when it has dots or marks', () => {
    expect(variableNameFault('a-b_c/d')).toBeUndefined();
    for (const name of ['a.b', '!a', 'a/', 'a//b', '']) expect(variableNameFault(name)).toBeTypeOf('string');
  });
});

describe('a document with placeholders', () => {
  const fill = (text: string, values: Record<string, YamlValue>, ignore = lateSubtrees.manifest) => {
    const { value } = readYaml(text);
    const { placeholders, faults } = findPlaceholders(value, { prefix, ignore });
    const filled = fillIn(value, placeholders, new Map(Object.entries(values)));
    return { value: filled.value, faults: [...faults, ...filled.faults] };
  };

  test('is filled in but for what waits for a VM', () => {
    const text = `
name: ((name))
instance_groups:
- {name: a, env: {k: ((name))}, properties: {k: ((name))}, stemcell: ((name)), jobs: [{properties: {k: ((name))}, release: ((name))}]}
`;
    expect(fill(text, { '/director/shop/name': 'x' })).toEqual({
      faults: [],
      value: {
        name: 'x',
        instance_groups: [
          {
            name: 'a',
            env: { k: '((name))' },
            properties: { k: '((name))' },
            stemcell: 'x',
            jobs: [{ properties: { k: '((name))' }, release: 'x' }],
          },
        ],
      },
    });
  });

  test('takes whole values with their type, parts of them, and several in one text', () => {
    const values = { '/director/shop/m': { u: 'me', n: 5 }, '/abs': 'b' };
    expect(fill('[((m)), ((m.n)), "((m.u))@((/abs)):((m.n))"]', values).value).toEqual([
      { u: 'me', n: 5 },
      5,
      'me@b:5',
    ]);
  });

  test('has a key filled in only when it is one placeholder', () => {
    expect(fill('{((/k)): 1, x-((/k)): 2}', { '/k': 'key' }).value).toEqual({ key: 1, 'x-((/k))': 2 });
  });

  test("tells what can't go where it stands", () => {
    const { faults } = fill('["a-((/m))", ((/m.gone)), ((a b))]', { '/m': { k: 1 } });
    expect(faults.map(({ path, boshCode }) => [path, boshCode])).toEqual([
      ['2', 540004],
      ['1', 540001],
      ['0', 540007],
    ]);
  });

  test('of a cloud config keeps the keys of cloud properties waiting', () => {
    const text = '{vm_types: [{name: ((/n)), cloud_properties: {a: ((/n))}}]}';
    expect(fill(text, { '/n': 1 }, lateSubtrees.cloud).value).toEqual({
      vm_types: [{ name: 1, cloud_properties: { a: '((/n))' } }],
    });
  });
});
