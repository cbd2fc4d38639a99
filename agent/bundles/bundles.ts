import { createHash } from 'node:crypto';
import { mkdir, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { linkWhole, orAbsent } from '../files.ts';

/** A version of a job or of a package on this machine. */
export interface Bundle {
  name: string;
  /** Whatever tells two contents of that name apart. */
  version: string;
}

export interface BundleFolders {
  /** data/jobs or data/packages: `<name>/<digest of the version>`, as BOSH's agent lays them out. */
  installed: string;
  /** jobs or packages: a link of each name to the version in use. */
  enabled: string;
  /** On the same file system. */
  temporary: string;
}

/**
 * Jobs or packages on this machine, in versions.
 *
 * INVARIANTS
 * - a folder of a version is there as a whole or not at all: it is filled elsewhere and moved into place;
 * - a link is moved from one whole version to another, and gone before its version is.
 */
export class Bundles {
  readonly #folders: BundleFolders;

  constructor(folders: BundleFolders) {
    this.#folders = folders;
  }

  path({ name, version }: Bundle): string {
    return join(this.#folders.installed, name, createHash('sha1').update(version).digest('hex'));
  }

  link(name: string): string {
    return join(this.#folders.enabled, name);
  }

  async isInstalled(bundle: Bundle): Promise<boolean> {
    return (await orAbsent(stat(this.path(bundle)))) !== undefined;
  }

  /** @param fill puts the content into the empty folder that it is given */
  async install(bundle: Bundle, fill: (folder: string) => Promise<void>): Promise<void> {
    const path = this.path(bundle);
    const fresh = join(this.#folders.temporary, `bundle-${createHash('sha1').update(path).digest('hex')}`);
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o755 });
    try {
      await fill(fresh);
      await mkdir(join(this.#folders.installed, bundle.name), { recursive: true, mode: 0o755 });
      await rename(fresh, path);
    } catch (thrown) {
      await rm(fresh, { recursive: true, force: true });
      throw thrown;
    }
  }

  async enable(bundle: Bundle): Promise<void> {
    const link = this.link(bundle.name);
    const path = this.path(bundle);
    if ((await orAbsent(readlink(link))) !== path) await linkWhole(link, path);
  }

  /** Removes the links and the versions of all others. */
  async keepOnly(bundles: readonly Bundle[]): Promise<void> {
    const paths = new Set(bundles.map((bundle) => this.path(bundle)));
    for (const name of (await orAbsent(readdir(this.#folders.enabled))) ?? []) {
      const target = await orAbsent(readlink(this.link(name)));
      if (target === undefined || !paths.has(target)) await rm(this.link(name), { recursive: true, force: true });
    }
    for (const name of (await orAbsent(readdir(this.#folders.installed))) ?? []) {
      const folder = join(this.#folders.installed, name);
      const versions = await readdir(folder);
      const unused = versions.filter((version) => !paths.has(join(folder, version)));
      for (const version of unused) await rm(join(folder, version), { recursive: true, force: true });
      if (unused.length === versions.length) await rm(folder, { recursive: true, force: true });
    }
  }
}
