import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { posix } from 'node:path';
import pLimit from 'p-limit';
import { messageOf } from '../../common/errors.ts';
import { CliError } from '../failure.ts';
import type { Access } from './access.ts';
import type { Host } from './connector.ts';
import { remoteFiles, type RemoteFiles } from './remote-files.ts';
import { severalErrors } from './run-command.ts';

/** Hosts that files are copied to or from at a time. */
const hostsAtOnce = 20;
const depthMax = 200;

/** One of the paths that scp is given. */
export interface ScpPath {
  /** Null: on this computer. */
  slug: string | null;
  path: string;
}

export function scpPath(text: string): ScpPath {
  const colon = text.indexOf(':');
  const isWindowsDisk = /^[A-Za-z]:\\/.test(text);
  if (colon === -1 || isWindowsDisk) return { slug: null, path: text };
  return { slug: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** Copies the first paths to the last one, as scp does, with each host. `((instance_id))` is the instance's id. */
export async function copyAll(
  { hosts, connector }: Access,
  paths: readonly ScpPath[],
  { recursive, local }: { recursive: boolean; local: (path: string) => string },
): Promise<void> {
  const target = paths.at(-1);
  const sources = paths.slice(0, -1);
  if (target === undefined || sources.length === 0) throw new CliError('Expected a source and a destination');
  if (sources.some(({ slug }) => (slug === null) === (target.slug === null)))
    throw new CliError('Expected to copy either from instances to this computer or the other way round');
  const limit = pLimit(hostsAtOnce);
  const failures = await Promise.all(
    hosts.map((host) =>
      limit(async () => {
        try {
          const client = await connector.connect(host);
          const copy = new Copy(await remoteFiles(client), recursive);
          const own = (path: string) => path.replaceAll('((instance_id))', idOf(host));
          for (const { path } of sources) {
            if (target.slug === null) await copy.down(own(path), local(own(target.path)));
            else await copy.up(local(own(path)), own(target.path));
          }
          client.end();
          return [];
        } catch (thrown) {
          return [`${host.label}: ${messageOf(thrown)}`];
        }
      }),
    ),
  );
  const all = failures.flat();
  if (all.length > 0) throw severalErrors(all);
}

const idOf = ({ label }: Host) => label.slice(label.indexOf('/') + 1);

/** With one host. */
class Copy {
  readonly #remote: RemoteFiles;
  readonly #recursive: boolean;

  constructor(remote: RemoteFiles, recursive: boolean) {
    this.#remote = remote;
    this.#recursive = recursive;
  }

  async up(from: string, given: string): Promise<void> {
    const to = atHome(given);
    const there = await this.#remote.stat(to);
    await this.#upTo(from, there?.isDirectory() === true ? posix.join(to, basename(from)) : to, 0);
  }

  async down(pattern: string, to: string): Promise<void> {
    const found = await this.#matching(atHome(pattern));
    if (found.length === 0) throw new Error(`${pattern}: No such file or directory`);
    const intoDirectory = await isDirectory(to);
    if (found.length > 1 && !intoDirectory) throw new Error(`${to}: Not a directory`);
    for (const from of found) await this.#downTo(from, intoDirectory ? join(to, posix.basename(from)) : to, 0);
  }

  async #upTo(from: string, to: string, depth: number): Promise<void> {
    const { mode, isDirectory: isFolder } = await localStat(from);
    if (!isFolder) return this.#remote.put(from, to, mode);
    this.#enter(from, depth);
    if ((await this.#remote.stat(to)) === undefined) await this.#remote.makeDirectory(to, mode);
    for (const name of await readdir(from)) await this.#upTo(join(from, name), posix.join(to, name), depth + 1);
  }

  async #downTo(from: string, to: string, depth: number): Promise<void> {
    const there = await this.#remote.stat(from);
    if (there === undefined) throw new Error(`${from}: No such file or directory`);
    if (!there.isDirectory()) return this.#remote.get(from, to);
    this.#enter(from, depth);
    await mkdir(to, { recursive: true });
    // Names come from a machine: one that leads out of the folder is not followed.
    const names = (await this.#remote.list(from)).map(({ filename }) => filename);
    for (const name of names.filter((each) => each !== '.' && each !== '..' && !each.includes('/')))
      await this.#downTo(posix.join(from, name), join(to, name), depth + 1);
  }

  #enter(folder: string, depth: number): void {
    if (!this.#recursive) throw new Error(`${folder} is a directory: copy it with --recursive`);
    if (depth > depthMax) throw new Error(`${folder}: more than ${depthMax} directories deep`);
  }

  /** A path with `*`, `?` or `[…]` names what matches; any other itself. */
  async #matching(pattern: string): Promise<string[]> {
    if (!/[*?[]/.test(pattern)) return [pattern];
    let found = [pattern.startsWith('/') ? '/' : '.'];
    for (const part of pattern.split('/').filter((each) => each !== '')) {
      const next: string[] = [];
      for (const folder of found) next.push(...(await this.#named(folder, part)));
      found = next;
    }
    return found.sort();
  }

  async #named(folder: string, part: string): Promise<string[]> {
    if (!/[*?[]/.test(part)) {
      const path = posix.join(folder, part);
      return (await this.#remote.stat(path)) === undefined ? [] : [path];
    }
    if ((await this.#remote.stat(folder))?.isDirectory() !== true) return [];
    const matches = wildcard(part);
    const names = (await this.#remote.list(folder)).map(({ filename }) => filename);
    return names
      .filter((name) => matches.test(name) && (part.startsWith('.') || !name.startsWith('.')))
      .map((name) => posix.join(folder, name));
  }
}

/** `~/x`, and nothing at all, are below the home directory, where SFTP begins. */
function atHome(path: string): string {
  if (path === '' || path === '~') return '.';
  return path.startsWith('~/') ? path.slice(2) : path;
}

function wildcard(part: string): RegExp {
  const source = part.replace(/\[[!^]?\]?[^\]]*\]|[\\^$.*+?()[\]{}|]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    return token.length > 1 ? token.replace(/^\[!/, '[^').replaceAll('\\', '\\\\') : `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}

async function localStat(path: string): Promise<{ mode: number; isDirectory: boolean }> {
  const found = await stat(path);
  return { mode: found.mode & 0o777, isDirectory: found.isDirectory() };
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
