import { describe, expect, test } from 'vitest';
import { effectiveManifest } from '../../../manifests/diff/effective.ts';
import { redactUrl } from '../../../manifests/diff/redact.ts';
import { diffDocuments } from '../../../manifests/diff.ts';
import type { YamlMap } from '../../../manifests/value.ts';
import { readYaml } from '../../../manifests/yaml.ts';

const map = (text: string) => readYaml(text).value as YamlMap; // the texts here are maps
const marks = { added: '+', removed: '-' } as const;
const diff = (before: string, after: string, redact = true) =>
  diffDocuments(map(before), map(after), { redact })
    .map(([text, status]) => `${status === null ? ' ' : marks[status]} ${text}`.trimEnd())
    .join('\n');

describe('a diff', () => {
  test('is empty when nothing changed, not even the order of keys', () => {
    expect(diff('{a: 1, b: {c: 2, d: 3}}', '{b: {d: 3, c: 2}, a: 1}')).toBe('');
  });

  test('shows changed values below their parents, siblings not', () => {
    expect(diff('update: {canaries: 1, serial: true}', 'update: {canaries: 2, serial: true}')).toBe(
      ['  update:', '-   canaries: 1', '+   canaries: 2'].join('\n'),
    );
  });

  test('pairs items by name, by range, or not at all', () => {
    expect(diff('vm_types: [{name: a, v: 1}, {name: b}]', 'vm_types: [{name: c}, {name: a, v: 2}]')).toBe(
      ['  vm_types:', '+ - name: c', '  - name: a', '-   v: 1', '+   v: 2', '- - name: b'].join('\n'),
    );
    expect(diff('s: [{range: 10.0.0.0/24, g: 1}]', 's: [{range: 10.0.0.0/24, g: 2}]')).toBe(
      ['  s:', '  - range: 10.0.0.0/24', '-   g: 1', '+   g: 2'].join('\n'),
    );
    expect(diff('azs: [z1, z2]', 'azs: [z2, z3]')).toBe(['  azs:', '+ - z3', '- - z1'].join('\n'));
  });

  test('hides values below properties and bosh, but shows that they changed', () => {
    const secret = (text: string) =>
      `instance_groups: [{name: a, env: {bosh: {password: ${text}}}, jobs: [{name: j, properties: {pw: [${text}]}}]}]`;
    const shown = diff(secret('old'), secret('new'));
    expect(shown).not.toMatch(/old|new/);
    expect(shown).toContain('-       password: "<redacted>"\n+       password: "<redacted>"');
    expect(shown).toContain('-       - "<redacted>"');
    expect(diff(secret('old'), secret('new'), false)).toContain('+       password: new');
  });

  test('hides who fetches a release', () => {
    expect(redactUrl('https://me:pw@host/x?y=@z')).toBe('https://<redacted>:<redacted>@host/x?y=@z');
    expect(redactUrl('https://host/me@x')).toBe('https://host/me@x');
    expect(diff('{}', 'releases: [{name: a, url: "https://me:pw@host"}]')).not.toContain('pw');
  });

  test('begins with the sections that people look for', () => {
    expect(diff('{}', '{tags: {a: b}, name: web, variables: [], releases: [{name: r}], azs: [{name: z}]}')).toBe(
      [
        '+ azs:',
        '+ - name: z',
        '',
        '+ releases:',
        '+ - name: r',
        '',
        '+ tags:',
        '+   a: b',
        '',
        '+ name: web',
        '',
        '+ variables: []',
      ].join('\n'),
    );
  });

  test('writes values as Psych does', () => {
    const long = 'lorem ipsum '.repeat(8).trim();
    const value = JSON.stringify({ v: { a: null, b: 'yes', c: 'x\ny\n', d: long, e: 1.5, f: [], g: '- a' } });
    expect(diff('{}', value)).toBe(
      `+ v:\n+   a:\n+   b: 'yes'\n+   c: |\n+     x\n+     y\n+   d: lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem ipsum lorem\n+     ipsum lorem ipsum\n+   e: 1.5\n+   f: []\n+   g: "- a"`,
    );
    expect(diff('v: 2', 'v: 1.0')).toBe('- v: 2\n\n+ v: 1.0');
  });
});

describe('what a deployment is made of', () => {
  const manifest = map(`
name: shop
releases: [{name: web, version: 1}]
stemcells: [{alias: d, os: jammy, version: 1}]
tags: {a: manifest}
instance_groups: [{name: g, stemcell: d, azs: [z1], networks: [{name: n}], jobs: [{name: j, release: web}]}]
`);
  const cloudConfigs = [
    map('azs: [{name: z1}]\ncompilation: {workers: 1}'),
    map('azs: [{name: z2}]\nnetworks: ((nets))'),
  ];

  test('is its manifest, the joined cloud configs, and what applies of the runtime configs', () => {
    const runtime = map(`
releases: [{name: dns, version: 1}, {name: other, version: 1}]
addons:
- {name: fits, jobs: [{name: bosh-dns, release: dns}], include: {stemcell: [{os: jammy}]}}
- {name: elsewhere, jobs: [{name: x, release: other}], include: {azs: [z9]}}
tags: {a: runtime, b: runtime}
`);
    const effective = effectiveManifest({ manifest, cloudConfigs, runtimeConfigs: [runtime], teams: [] });
    expect(effective).toMatchObject({
      azs: [{ name: 'z1' }, { name: 'z2' }],
      networks: ['((nets))'],
      vm_types: [],
      compilation: { workers: 1 },
      releases: [{ name: 'web' }, { name: 'dns' }],
      addons: [{ name: 'fits' }],
      tags: { a: 'manifest', b: 'runtime' },
    });
    expect(effective['addons']).toHaveLength(1);
  });

  test('without configs is its manifest', () => {
    expect(effectiveManifest({ manifest, cloudConfigs: [], runtimeConfigs: [], teams: [] })).toEqual(manifest);
  });
});
