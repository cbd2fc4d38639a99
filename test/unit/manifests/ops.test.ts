import { describe, expect, test } from 'vitest';
import { applyOps, opsOf, parseOps, valueAt } from '../../../manifests/ops.ts';
import { formatPointer, parsePointer } from '../../../manifests/ops/pointer.ts';
import type { YamlValue } from '../../../manifests/value.ts';
import { readYaml } from '../../../manifests/yaml.ts';
import { faultsOf, messageAt } from './faults-of.ts';

const document = readYaml(`
name: shop
groups:
- name: web
  jobs: [{name: nginx}, {name: router}]
- name: db
  azs: [z1, z2, z3]
"a/b:c~d": odd
`).value;

const apply = (...ops: string[]) =>
  applyOps(document, parseOps(readYaml(ops.map((op) => `- ${op}`).join('\n')))) as Record<string, YamlValue>;
const replaceIn = (path: string) =>
  valueAt(apply(`{type: replace, path: ${JSON.stringify(path)}, value: X}`), '/groups');
const azs = (path: string) =>
  valueAt(apply(`{type: replace, path: "/groups/name=db/azs/${path}", value: X}`), '/groups/name=db/azs');

describe('replace', () => {
  test.each([
    ['0', ['X', 'z2', 'z3']],
    ['-1', ['z1', 'z2', 'X']],
    ['-', ['z1', 'z2', 'z3', 'X']],
    ['0:next', ['z1', 'X', 'z3']],
    ['2:prev:prev', ['X', 'z2', 'z3']],
    ['1:before', ['z1', 'X', 'z2', 'z3']],
    ['1:after', ['z1', 'z2', 'X', 'z3']],
    ['-1:after', ['z1', 'z2', 'z3', 'X']],
    ['0:next:before', ['z1', 'X', 'z2', 'z3']],
  ])('at %s', (path, expected) => {
    expect(azs(path)).toEqual(expected);
  });

  test('finds items by a key of theirs', () => {
    expect(replaceIn('/groups/name=web/jobs/name=router/name')).toMatchObject([{ jobs: [{}, { name: 'X' }] }, {}]);
    expect(replaceIn('/groups/name=web:after')).toMatchObject([{ name: 'web' }, 'X', { name: 'db' }]);
    expect(replaceIn('/groups/name=db:prev/name')).toMatchObject([{ name: 'X' }, { name: 'db' }]);
  });

  test('makes what may be absent, and all below it', () => {
    expect(apply('{type: replace, path: /new?/deep/list/-, value: 1}')).toMatchObject({ new: { deep: { list: [1] } } });
    expect(replaceIn('/groups/name=cache?/jobs/name=redis/v')).toMatchObject([
      {},
      {},
      { name: 'cache', jobs: [{ name: 'redis', v: 'X' }] },
    ]);
    expect(replaceIn('/groups/name=cache?')).toHaveLength(3);
  });

  test('reads escapes, and replaces all of the document at the empty path', () => {
    expect(apply('{type: replace, path: /a~1b~7c~0d, value: 1}')['a/b:c~d']).toBe(1);
    expect(apply('{type: replace, path: "", value: {a: 1}}')).toEqual({ a: 1 });
  });

  test('leaves the document and the operations as they were', () => {
    const ops = opsOf([
      { type: 'replace', path: '/v?', value: { list: [] } },
      { type: 'replace', path: '/v/list/-', value: 1 },
    ]);
    expect(applyOps(document, ops)).toMatchObject({ v: { list: [1] } });
    expect(applyOps(document, ops)).toMatchObject({ v: { list: [1] } });
    expect(document).not.toHaveProperty('v');
  });
});

describe('remove and test', () => {
  test('take away what is there, or may be absent', () => {
    expect(apply('{type: remove, path: /groups/name=web}', '{type: remove, path: /gone?}')['groups']).toHaveLength(1);
    expect(apply('{type: remove, path: /groups/name=gone?}')['groups']).toHaveLength(2);
  });

  test('check a value or its absence, and change nothing', () => {
    expect(apply('{type: test, path: /name, value: shop}', '{type: test, path: /x, absent: true}')).toEqual(document);
    expect(() => apply('{type: test, path: /name, value: other}')).toThrow('another value is there');
    expect(() => apply('{type: test, path: /name, absent: true}')).toThrow('but is there');
    expect(() => apply('{type: test, path: /x/y, absent: true}')).toThrow('there is no key "x"');
  });
});

describe('what fails', () => {
  const why = (op: string) => messageAt('[1]', () => apply('{type: remove, path: /name}', op));

  test('says which operation, where its path broke off, and what is there', () => {
    expect(why('{type: replace, path: /groups/name=wep/azs, value: 1}')).toBe(
      'replace /groups/name=wep/azs failed at /groups/name=wep: no item has name=wep (did you mean "web"?)',
    );
    expect(why('{type: remove, path: /groups/name=db/azs/7}')).toContain('there is no item 7: the list has 3');
    expect(why('{type: remove, path: /groups/web}')).toContain(
      'a map is needed there, but it is a list (name one with name=…: web, db)',
    );
    expect(why('{type: remove, path: /tags}')).toContain('its keys are a/b:c~d, groups');
    expect(why('{type: remove, path: /groups/0/name/x}')).toContain('a map is needed there, but it is a text');
    expect(why('{type: replace, path: /new?/0, value: 1}')).toContain('append with "-"');
  });

  test('says what its author wanted said', () => {
    expect(why('{type: remove, path: /x, error: upload the config first}')).toContain(
      'upload the config first: remove /x failed',
    );
  });

  test('is told before anything is applied when the file is wrong, all at once', () => {
    const text =
      '[{type: replase, path: /a}, {path: /a}, {type: replace, path: /a}, {type: remove, path: a}, {type: remove, path: "/a:next"}, 5]';
    expect(faultsOf(() => parseOps(readYaml(text)))).toHaveLength(6);
    expect(messageAt('[0]', () => parseOps(readYaml(text)))).toContain('did you mean "replace"?');
    expect(() => parseOps(readYaml('{}'))).toThrow('a list of operations');
  });
});

test('a path is written as it is read', () => {
  for (const path of ['', '/a/0:next/b=c?/d', '/a~1b/-', '/name=x:after', '/-1:before'])
    expect(formatPointer(parsePointer(path))).toBe(path);
});
