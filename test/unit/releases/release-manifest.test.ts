import { describe, expect, test } from 'vitest';
import { findCycle, parseReleaseManifest } from '../../../releases/release-manifest.ts';
import { releaseManifestText } from '../../../releases/release-manifest-text.ts';

const sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';

describe('release.MF', () => {
  test('is text throughout: versions and fingerprints of digits stay what they are', () => {
    const manifest = parseReleaseManifest(
      `name: 42\nversion: 1.10\ncommit_hash: 0123456\nuncommitted_changes: yes\njobs:\n- {name: web, version: 0042, sha1: ${sha}, packages: [nginx]}\npackages:\n- {name: nginx, version: 12e4, fingerprint: 007, sha1: "sha256:${'0'.repeat(64)}"}\n`,
    );
    expect(manifest).toMatchObject({
      name: '42',
      version: '1.10',
      commitHash: '0123456',
      uncommittedChanges: true,
      jobs: [{ name: 'web', version: '0042', fingerprint: '0042', packages: ['nginx'] }],
      packages: [{ version: '12e4', fingerprint: '007', dependencies: [] }],
      compiled: false,
      license: null,
    });
  });

  test('of the Ruby CLI of long ago, with !binary texts and -dev versions', () => {
    const binary = (text: string) => `!binary |-\n    ${Buffer.from(text).toString('base64')}`;
    const manifest = parseReleaseManifest(
      `---\nname: cf\nversion: 170.3-dev\njobs: []\npackages:\n- name: nginx\n  version: 5\n  sha1: ${binary(sha)}\n  fingerprint: ${binary('abc')}\n  dependencies: []\n`,
    );
    expect(manifest.version).toBe('170+dev.3');
    expect(manifest.packages).toMatchObject([{ sha1: sha, fingerprint: 'abc' }]);
  });

  test('of a compiled release is told by its key, even when the list is empty', () => {
    expect(
      parseReleaseManifest('name: a\nversion: 1\ncompiled_packages: []\njobs:\n- {name: j, version: f}\n'),
    ).toMatchObject({
      compiled: true,
      jobs: [{ name: 'j', sha1: null, packages: null }],
    });
  });

  test('all its faults come at once, with their paths', () => {
    const text = `name: ..\nversion: "1..2"\njobs:\n- {name: "a/b", version: 1, packages: [ngins]}\n- {name: "a/b", version: 1, sha1: nonsense}\n- 7\npackages:\n- {name: nginx, version: 1, dependencies: [pcre]}\n- {name: self, version: 1, dependencies: [self]}\nlicense: free\n`;
    expect(() => parseReleaseManifest(text)).toThrowError(
      expect.objectContaining({
        code: 'release-invalid',
        faults: [
          expect.objectContaining({ path: 'name', boshCode: 40001 }) as object,
          expect.objectContaining({ path: 'version', boshCode: 30010 }) as object,
          expect.objectContaining({ path: 'jobs.2' }) as object,
          expect.objectContaining({ path: 'jobs.0.name', boshCode: 40001 }) as object,
          expect.objectContaining({ path: 'jobs.1.name' }) as object,
          expect.objectContaining({ path: 'jobs.1.sha1' }) as object,
          expect.objectContaining({ path: 'license' }) as object,
          expect.objectContaining({ path: 'jobs.1.name', message: '"a/b" is here twice' }) as object,
          expect.objectContaining({ path: 'packages.0.dependencies.0' }) as object,
          expect.objectContaining({ path: 'jobs.0.packages.0', suggestion: 'did you mean "nginx"?' }) as object,
          expect.objectContaining({
            path: 'packages',
            message: 'packages need each other in a circle: self -> self',
          }) as object,
        ],
      }),
    );
  });

  test.each(['', '- a', 'a: ]', 'x: &a [*a, *a]'])('%j is none', (text) => {
    expect(() => parseReleaseManifest(text)).toThrowError(expect.objectContaining({ code: 'release-invalid' }));
  });

  test('an alias bomb goes off nowhere', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghij'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefghij'[i] ?? ''},`.repeat(9)}]`),
    ];
    expect(() => parseReleaseManifest(bomb.join('\n'))).toThrowError(
      expect.objectContaining({ code: 'release-invalid' }),
    );
  });

  test('is read back as it was written', () => {
    const text = `name: a\nversion: "1"\ncommit_hash: "12"\nuncommitted_changes: false\njobs:\n- name: j\n  version: f\n  fingerprint: f\n  sha1: ${sha}\n  packages: []\nlicense:\n  version: "1"\n  fingerprint: "1"\n  sha1: ${sha}\nno_compression: true\n`;
    expect(releaseManifestText(parseReleaseManifest(text))).toBe(text);
  });
});

test('a circle is found from wherever one starts', () => {
  const packages = [
    { name: 'a', dependencies: ['b'] },
    { name: 'b', dependencies: ['c', 'd'] },
    { name: 'c', dependencies: [] },
    { name: 'd', dependencies: ['b'] },
  ];
  expect(findCycle(packages)).toEqual(['b', 'd', 'b']);
  expect(findCycle(packages.slice(2, 3))).toBeUndefined();
});
