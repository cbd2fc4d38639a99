import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fingerprint } from '../../../../releases/directory/fingerprint.ts';
import { expandBraces, glob } from '../../../../releases/directory/glob.ts';
import { readReleaseSource } from '../../../../releases/directory/source.ts';
import { sha1 } from '../../../support/release-archive.ts';
import {
  givenReleaseDir,
  removeReleaseDirs,
  trickyFingerprints,
  trickyRelease,
  writeTree,
} from '../../../support/release-dir.ts';

afterEach(removeReleaseDirs);

describe('fingerprints', () => {
  test('are those of the bosh CLI, whatever links, modes and globs there are', async () => {
    const { dir } = await givenReleaseDir(trickyRelease);
    const { jobs, packages, license } = await readReleaseSource(dir, 'sha256');
    const found = [...jobs, ...packages].map(({ name, fingerprint: print }) => [name, print]);
    expect(Object.fromEntries([...found, ['license', license?.fingerprint]])).toEqual(trickyFingerprints);
  });

  test('with SHA-1 are as releases of before 2019 have them', async () => {
    const { dir } = await givenReleaseDir({ 'src/b': 'bb', 'src/a': '+xaa' });
    const files = ['b', 'a'].map((name) => ({ path: join(dir, 'src', name), relativePath: name }));
    const print = await fingerprint(files, { algorithm: 'sha1', followLinks: false, dependencies: ['z', 'd'] });
    expect(print).toBe(sha1(`v2a${sha1('aa')}100755b${sha1('bb')}100644d,z`));
  });
});

describe('globs', () => {
  const tree = { 'a/1.c': '', 'a/b/2.c': '', 'a/b/.3.c': '', 'a/b/2.h': '', 'd[1]/x': '', 'd1/x': '', up: '-> a' };
  test.each([
    ['a/*.c', ['a/1.c']],
    ['a/**/*.c', ['a/1.c', 'a/b/.3.c', 'a/b/2.c']],
    ['./a//b/?.{c,h}', ['a/b/2.c', 'a/b/2.h']],
    ['a/**', ['a/1.c', 'a/b', 'a/b/.3.c', 'a/b/2.c', 'a/b/2.h']],
    ['d[0-9]/x', ['d1/x']],
    ['d\\[1\\]/x', ['d[1]/x']],
    ['a/b/[^.]*', ['a/b/2.c', 'a/b/2.h']],
    ['up/*.c', ['up/1.c']],
    ['nothing/**/*', []],
    ['a/{1.c', []],
  ])('%s', async (pattern, expected) => {
    const { dir } = await givenReleaseDir({});
    await writeTree(join(dir, 'src'), tree);
    const found = (await glob(join(dir, 'src'), pattern)).map(({ relativePath }) => relativePath);
    expect(found.sort()).toEqual(expected);
  });

  test('links in a circle end', async () => {
    const { dir } = await givenReleaseDir({ 'src/a/x.c': '', 'src/a/again': '-> ..' });
    expect((await glob(join(dir, 'src'), '**/*.c')).map(({ relativePath }) => relativePath)).toContain('a/x.c');
  });

  test('braces stand for all that is in them', () => {
    expect(expandBraces('a{b,c{d,e}}f{,g}')).toEqual(['abf', 'abfg', 'acdf', 'acdfg', 'acef', 'acefg']);
    expect(expandBraces('a\\{b,c}')).toEqual(['a\\{b,c}']);
  });
});

describe('what an author must mend comes all at once', () => {
  test('faults of jobs and packages', async () => {
    const { dir } = await givenReleaseDir({
      'jobs/web/spec': 'name: wep\ntemplates: {gone.erb: x}\n',
      'jobs/bare/monit': '',
      'packages/none/spec': 'name: none\nfiles: [nowhere/*]\n',
      'packages/none/packaging': '',
      'packages/up/spec': 'name: up\nfiles: [../../etc/*]\n',
      'packages/up/packaging': '',
      'packages/noscript/spec': 'name: noscript\n',
      'packages/taken/spec': 'name: taken\nfiles: [packaging]\n',
      'packages/taken/packaging': '',
      'src/packaging': '',
    });
    await expect(readReleaseSource(dir, 'sha256')).rejects.toMatchObject({
      code: 'release-invalid',
      faults: [
        { path: 'packages/none', message: 'no file matches "nowhere/*", neither in src/ nor in blobs/' },
        { path: 'packages/noscript', message: 'has no packaging script' },
        { path: 'packages/taken' },
        { path: 'packages/up', message: '"../../etc/*" leaves src/ and blobs/' },
        { path: 'jobs/bare', message: 'has no spec' },
        { path: 'jobs/web: spec' },
        { path: 'jobs/web: templates/gone.erb' },
      ],
    });
  });

  test('packages that are not there, and circles', async () => {
    const script = { 'packages/a/packaging': '', 'packages/b/packaging': '' };
    const { dir } = await givenReleaseDir({
      ...script,
      'packages/a/spec': 'name: a\ndependencies: [b]\n',
      'packages/b/spec': 'name: b\ndependencies: [a, c]\n',
      'jobs/web/spec': 'name: web\npackages: [aa]\n',
    });
    await expect(readReleaseSource(dir, 'sha256')).rejects.toMatchObject({
      faults: [
        { path: 'packages/b: dependencies', message: 'there is no package "c"' },
        { path: 'jobs/web: packages', suggestion: 'did you mean "a"?' },
        { path: 'packages', message: 'need each other in a circle: a -> b -> a' },
      ],
    });
  });
});
