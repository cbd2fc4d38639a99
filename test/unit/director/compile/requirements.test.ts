import { describe, expect, test } from 'vitest';
import { requirementKey, requirementsOf, type Requirement } from '../../../../director/compile/requirements.ts';
import { compiledOf, demand, packagesOf, stemcell } from '../../../support/compile-packages.ts';

const diamond = packagesOf({ base: [], left: ['base'], right: ['base'], top: ['right', 'left'], unused: [] });

const names = (requirements: Iterable<Requirement>) => [...requirements].map(({ pkg }) => pkg.name).sort();
const toCompile = (requirements: ReadonlyMap<string, Requirement>) =>
  names([...requirements.values()].filter(({ compiled }) => compiled === null));

describe('what is needed', () => {
  test('is what was asked for with all that it depends on, each once, and nothing else', () => {
    const requirements = requirementsOf([demand(diamond, ['top', 'left'])], []);
    expect(names(requirements.values())).toEqual(['base', 'left', 'right', 'top']);
    const of = (name: string) => requirements.get(requirementKey(diamond.get(name)?.id ?? 0, stemcell()));
    expect(of('top')?.dependencies).toEqual([of('right'), of('left')]);
    expect(of('left')?.dependencies[0]).toBe(of('right')?.dependencies[0]);
  });

  test('is keyed by what it is compiled against, in the order of names', () => {
    const requirements = requirementsOf([demand(diamond, ['top'])], []);
    const keys = new Map([...requirements.values()].map(({ pkg, dependencyKey }) => [pkg.name, dependencyKey]));
    expect(keys.get('base')).toBe('[]');
    expect(keys.get('top')).toBe('[["left","left-v",[["base","base-v"]]],["right","right-v",[["base","base-v"]]]]');
  });

  test('is needed anew on each stemcell', () => {
    const on = (version: string) => demand(diamond, ['base'], { stemcell: stemcell(version) });
    const requirements = requirementsOf([on('1.10'), on('1.11'), on('1.10')], []);
    expect([...requirements.keys()]).toEqual(['1 tiny-os/1.10', '1 tiny-os/1.11']);
  });

  test('of a package that its release lacks: told with who needs it', () => {
    const torn = packagesOf({ web: ['gone'] });
    expect(() => requirementsOf([demand(torn, ['web'])], [])).toThrowError(/"gone", which "web" depends on/);
    expect(() => requirementsOf([demand(torn, ['nope'])], [])).toThrowError(/"nope", which "web" needs/);
  });
});

describe('a compiled form', () => {
  test('stands for the package; what it was compiled against is not needed any more', () => {
    const requirements = requirementsOf([demand(diamond, ['left', 'top'])], [compiledOf(diamond, 'left')]);
    expect(toCompile(requirements)).toEqual(['base', 'right', 'top']);
    const alone = requirementsOf([demand(diamond, ['left'])], [compiledOf(diamond, 'left')]);
    expect(names(alone.values())).toEqual(['left']);
  });

  test('of another version of a dependency, of another stemcell or system does not', () => {
    const before = packagesOf({ base: [], left: ['base'] });
    const newer = new Map(
      [...before].map(([name, pkg]) => [name, name === 'base' ? { ...pkg, version: 'base-w' } : pkg]),
    );
    expect(toCompile(requirementsOf([demand(newer, ['left'])], [compiledOf(before, 'left')]))).toContain('left');
    for (const other of [{ stemcellVersion: '1.9' }, { stemcellOs: 'other-os' }])
      expect(toCompile(requirementsOf([demand(before, ['base'])], [compiledOf(before, 'base', other)]))).toEqual([
        'base',
      ]);
  });

  test('of a package without a source may be of another patch level of the line: the newest', () => {
    const bare = packagesOf({ 'base!': [] });
    const at = (stemcellVersion: string, id: number) => compiledOf(bare, 'base', { stemcellVersion, id });
    const found = (candidates: ReturnType<typeof at>[]) =>
      requirementsOf([demand(bare, ['base'])], candidates).get('1 tiny-os/1.10')?.compiled?.stemcellVersion;
    expect(found([at('1.2', 1), at('1.9', 2), at('2.1', 3)])).toBe('1.9');
    expect(found([at('1.9', 1), at('1.10', 2)])).toBe('1.10');
    expect(() => found([at('2.1', 1)])).toThrowError(/base.*tiny-os\/1.10/);
  });

  test('is of the stemcells that a manifest names, if it names any', () => {
    const exported = demand(diamond, ['base'], { exportedFrom: [stemcell('1.8'), stemcell('1.9')] });
    const at = (stemcellVersion: string) => compiledOf(diamond, 'base', { stemcellVersion });
    const [found] = requirementsOf([exported], [at('1.10'), at('1.9')]).values();
    expect(found?.compiled?.stemcellVersion).toBe('1.9');
    expect(toCompile(requirementsOf([exported], [at('1.10')]))).toEqual(['base']);
  });
});

test('packages that can neither be found nor compiled are told all at once', () => {
  const bare = packagesOf({ 'a!': [], b: ['a'], 'c!': ['b'] });
  let thrown: unknown;
  try {
    requirementsOf([demand(bare, ['c', 'b'])], []);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'package-without-source', details: { boshCode: 60001 } });
  const { missing } = (thrown as { details: { missing: string[] } }).details; // as matched
  expect(new Set(missing.map((line) => /package "(\w)"/.exec(line)?.[1]))).toEqual(new Set(['a', 'c']));
});
