import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { seededChance } from '../../common/chance.ts';
import { VirtualClock } from '../../common/clock.ts';
import type { ReleasePlace, ReleaseProgress } from '../../releases/directory/place.ts';

/** A file's text; `-> target` makes a link, `+x` in front an executable. */
export async function writeTree(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const full = join(dir, path);
    await mkdir(dirname(full), { recursive: true });
    const target = /^-> (.*)$/.exec(text)?.[1];
    if (target !== undefined) await symlink(target, full);
    else await writeFile(full, text.replace(/^\+x/, ''));
    if (text.startsWith('+x')) await chmod(full, 0o755);
  }
}

export interface GivenReleaseDir extends ReleasePlace {
  readonly progress: ReleaseProgress[];
  readonly clock: VirtualClock;
}

/** Directories that are gone after the test: call `removeReleaseDirs` in afterEach. */
const made: string[] = [];

export async function givenReleaseDir(
  files: Record<string, string>,
  options: { cacheDir?: string } = {},
): Promise<GivenReleaseDir> {
  const base = await mkdtemp(join(tmpdir(), 'release-dir-'));
  made.push(base);
  const progress: ReleaseProgress[] = [];
  const place: GivenReleaseDir = {
    dir: join(base, 'web-release'),
    cacheDir: options.cacheDir ?? join(base, 'cache'),
    algorithm: 'sha256',
    clock: new VirtualClock(),
    chance: seededChance(made.length),
    report: (each) => progress.push(each),
    progress,
  };
  await writeTree(place.dir, {
    'config/final.yml': `name: web\nblobstore:\n  provider: local\n  options:\n    blobstore_path: ../blobstore\n`,
    'config/blobs.yml': '--- {}\n',
    ...files,
  });
  return place;
}

export async function removeReleaseDirs(): Promise<void> {
  for (const dir of made.splice(0)) await rm(dir, { recursive: true, force: true });
}

/** Everything that the matching of files in package specs can trip over. */
export const trickyRelease: Record<string, string> = {
  'jobs/j/spec':
    'name: j\ntemplates:\n  sub/t.erb: config/t\n  link.erb: bin/l\n  exec.erb: bin/x\npackages: [p2, p1]\nproperties: {}\n',
  'jobs/j/monit': 'check process\n',
  'jobs/j/properties_schema.json': '{}\n',
  'jobs/j/templates/sub/t.erb': 'x\n',
  'jobs/j/templates/exec.erb': '+xy\n',
  'jobs/j/templates/link.erb': '-> sub/t.erb',
  'packages/p1/spec':
    'name: p1\ndependencies: [p3, p2]\nfiles:\n- "a/**/*"\n- "{x,sp ace}/*.[ch]"\n- lnk/**/*\n- real/f?\nexcluded_files:\n- a/b/skip*\n',
  'packages/p1/packaging': 'set -e\n',
  'packages/p1/pre_packaging': 'echo gen > generated\n',
  'packages/p2/spec': 'name: p2\nfiles: ["**/*.txt", blobby/**/*]\nno_compression: true\n',
  'packages/p2/packaging': 'cp\n',
  'packages/p3/spec': 'name: p3\nfiles: []\n',
  'packages/p3/packaging': '+xtrue\n',
  'src/a/b/one': '1\n',
  'src/a/b/skip1': '2\n',
  'src/a/.hid/.dot': '3\n',
  'src/a/b/t.txt': 't\n',
  'src/a/lnk1': '-> b/one',
  'src/a/dangling': '-> /nowhere',
  'src/lnk': '-> real',
  'src/real/f1': '+xf\n',
  'src/real/g1': 'g\n',
  'src/real/lf': '-> f1',
  'src/x/m.c': 'c\n',
  'src/x/m.o': 'o\n',
  'src/sp ace/ż.h': 'h\n',
  'blobs/blobby/one.txt': 'big\n',
  'config/blobs.yml':
    'blobby/one.txt:\n  size: 4\n  sha: sha256:5e46266be5fda8508117bfafcbb22d0e177a3b476ed603a39e47f1586b2ef4a3\n',
  'LICENSE.md': 'L\n',
  NOTICE: 'N\n',
};

/** Its fingerprints, as version 7.10.6 of the bosh CLI prints them. */
export const trickyFingerprints = {
  j: 'ee80676ca4ea7b8d6c0d9d67eef0047ddf1b2a4ec7c7faf402510b7b6b8840a1',
  p1: '038e52eb15c6ab89454114c9105a0aa7168afcb0775f3780125f983017956a08',
  p2: 'c6337a8fd3df03cabbb2939a9e48b88d6201bd30286b6b2feeec18026e8b3680',
  p3: '9d24f2d034c3514b13f7faf52b9d644ee72dbfad2785472e4e8cf1168f4d04c3',
  license: '5349084d9b656ba98f4babd74a3efcfad65f9a0ff7ebf917395161b2b3c59ba7',
};
