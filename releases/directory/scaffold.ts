import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { saveName } from './config.ts';
import { initGit } from './git.ts';
import { pathBelow, type ReleasePlace, releaseDirInvalid } from './place.ts';

// What a new release begins with, as the bosh CLI makes it. Source: `releasedir/fs_generator.go`, `fs_release_dir.go`.

export async function initRelease({ dir }: ReleasePlace, { git = false } = {}): Promise<void> {
  for (const folder of ['jobs', 'packages', 'src']) await mkdir(join(dir, folder), { recursive: true });
  await saveName(dir, basename(dir).replace(/-release$/, ''));
  await writeFile(join(dir, 'config', 'blobs.yml'), '--- {}\n');
  if (git) await initGit(dir);
}

/** @throws OperatorError `release-dir-invalid` when it is there already */
export async function generateJob({ dir }: ReleasePlace, name: string): Promise<void> {
  const base = await newDirectory(join(dir, 'jobs'), name);
  await mkdir(join(base, 'templates'));
  await writeFile(join(base, 'spec'), `---\nname: ${name}\n\ntemplates: {}\n\npackages: []\n\nproperties: {}\n`);
  await writeFile(join(base, 'monit'), '');
}

/** @throws OperatorError `release-dir-invalid` when it is there already */
export async function generatePackage({ dir }: ReleasePlace, name: string): Promise<void> {
  const base = await newDirectory(join(dir, 'packages'), name);
  await writeFile(join(base, 'spec'), `---\nname: ${name}\n\ndependencies: []\n\nfiles: []\n`);
  await writeFile(join(base, 'packaging'), 'set -e\n');
}

/** Removes dev releases, dev builds and blobs; final ones stay. The cache is shared, and stays too. */
export async function resetRelease({ dir }: ReleasePlace): Promise<void> {
  for (const folder of ['.dev_builds', 'dev_releases', '.blobs', 'blobs'])
    await rm(join(dir, folder), { recursive: true, force: true });
}

async function newDirectory(parent: string, name: string): Promise<string> {
  if (!/^[-0-9A-Za-z_+.]+$/.test(name)) throw releaseDirInvalid(`"${name}" may hold letters, digits and -_+. only`);
  const base = pathBelow(parent, name);
  if ((await stat(base).catch(() => undefined)) !== undefined) throw releaseDirInvalid(`${base} is there already`);
  await mkdir(base, { recursive: true });
  return base;
}
