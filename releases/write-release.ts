import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { packArchive, type PackEntry, textEntry } from '../common/archive-pack.ts';
import type { ReleaseManifest } from './release-manifest.ts';
import { releaseManifestText } from './release-manifest-text.ts';

/** Where the bytes of an inner archive come from; opened when their turn comes. */
export interface PartBytes {
  readonly size: number;
  readonly open: () => Promise<AsyncIterable<Buffer>> | AsyncIterable<Buffer>;
}

export interface WriteReleaseOptions {
  /** Undefined: left out of the tarball, though the manifest names it (the director has it). */
  readonly bytesOf: (
    kind: 'jobs' | 'packages' | 'compiled_packages' | 'license',
    name: string,
  ) => Promise<PartBytes | undefined>;
  /** LICENSE and NOTICE as text files beside the archives, for people. */
  readonly texts?: ReadonlyMap<string, string>;
}

/**
 * A release tarball as a stream, from a manifest and its parts: release.MF first, so that it can be read in one pass,
 * then jobs, packages and the license. The outer tar holds compressed archives already, and is compressed fast rather
 * than well; not at all when the manifest says so.
 */
export function writeRelease(manifest: ReleaseManifest, options: WriteReleaseOptions): Readable {
  return packArchive(entries(manifest, options), { prefix: './', gzip: !manifest.noCompression, level: 1 });
}

async function* entries(manifest: ReleaseManifest, { bytesOf, texts }: WriteReleaseOptions): AsyncGenerator<PackEntry> {
  yield textEntry('release.MF', releaseManifestText(manifest));
  for (const [name, text] of texts ?? []) yield textEntry(name, text);
  const folders = [
    ['jobs', manifest.jobs],
    ['packages', manifest.packages],
    ['compiled_packages', manifest.compiledPackages],
  ] as const;
  for (const [folder, refs] of folders) {
    if (refs.length === 0) continue;
    yield { path: folder, type: 'directory', mode: 0o755 };
    for (const { name } of refs) yield* partEntry(`${folder}/${name}.tgz`, await bytesOf(folder, name));
  }
  if (manifest.license !== null) yield* partEntry('license.tgz', await bytesOf('license', 'license'));
}

function* partEntry(path: string, bytes: PartBytes | undefined): Generator<PackEntry> {
  if (bytes !== undefined) yield { path, type: 'file', mode: 0o644, size: bytes.size, body: bytes.open };
}

export async function fileBytes(file: string): Promise<PartBytes> {
  const { size } = await stat(file);
  return { size, open: () => createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer> };
}
