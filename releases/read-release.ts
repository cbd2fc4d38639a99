import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ArchiveEntry, entryBytes, readArchive } from '../common/archive.ts';
import type { ArchiveLimits } from '../common/archive-bytes.ts';
import { algorithmFor, checkDigest, formatDigest } from '../common/digest.ts';
import { OperatorError } from '../common/errors.ts';
import { didYouMean } from '../common/suggest.ts';
import { type JobArchive, readJobArchive } from './job-archive.ts';
import { boshCodes, InvalidRelease, type ReleaseFault } from './release-fault.ts';
import {
  type CompiledPackageRef,
  type JobRef,
  type LicenseRef,
  type PackageRef,
  parseReleaseManifest,
  type ReleaseManifest,
} from './release-manifest.ts';

/** One inner archive of a release, with what the manifest says of it. */
export type ReleasePart =
  | { readonly kind: 'job'; readonly name: string; readonly ref: JobRef }
  | { readonly kind: 'package'; readonly name: string; readonly ref: PackageRef }
  | { readonly kind: 'compiled-package'; readonly name: string; readonly ref: CompiledPackageRef }
  | { readonly kind: 'license'; readonly name: 'license'; readonly ref: LicenseRef };

export interface ReadReleaseOptions<T> {
  /** The release in words, until its name is known: the file name, the URL. */
  readonly what: string;
  /** A directory of the caller's, for inner archives that come before the manifest. Files in it are removed again. */
  readonly spoolDir: string;
  /** Once, before any part. What it throws ends the reading: the place to refuse a version that is already there. */
  readonly onManifest?: (manifest: ReleaseManifest) => Promise<void> | void;
  /**
   * Takes one inner archive. `bytes` fails at its end, instead of ending, when the digest is another than the
   * manifest's: what was stored till then must be dropped. A part that isn't wanted needs no reading.
   */
  readonly take: (part: ReleasePart, bytes: Readable) => Promise<T>;
  readonly limits?: Partial<ArchiveLimits>;
}

export interface TakenPart<T> {
  readonly part: ReleasePart;
  readonly bytes: number;
  /** As computed, in the algorithm of the manifest's digest (SHA-256 if it has none): `sha256:…`, or a bare SHA-1. */
  readonly digest: string;
  /** What `take` gave. */
  readonly taken: T;
  /** What is inside, for jobs. */
  readonly job: JobArchive | null;
}

export interface ReadRelease<T> {
  readonly manifest: ReleaseManifest;
  readonly parts: ReadonlyArray<TakenPart<T>>;
  /** In the manifest, not in the archive: the CLI leaves out packages that the director has. */
  readonly missing: readonly ReleasePart[];
}

const manifestBytesMax = 16 * 1024 * 1024;

/** Jobs, packages and their folders: the largest public releases have a few hundred. */
export const releaseEntriesMax = 20_000;

/**
 * Reads a release tarball (tgz or tar, source or compiled) in one pass, in bounded memory: every inner archive goes
 * straight to `take`, its digest is checked and a job is looked into on the way.
 *
 * @throws InvalidRelease all faults of the manifest, or else of all jobs, each with its path; OperatorError
 *   `release-manifest-missing`, `digest-mismatch`, `archive-*`; what `take` and `onManifest` throw
 */
export async function readRelease<T>(source: Readable, options: ReadReleaseOptions<T>): Promise<ReadRelease<T>> {
  const reading = new Reading(options);
  try {
    for await (const entry of readArchive(source, {
      what: options.what,
      limits: { entriesMax: releaseEntriesMax, ...options.limits },
    })) {
      if (entry.type === 'file') await reading.add(entry);
    }
    return reading.finish();
  } finally {
    await reading.cleanUp();
  }
}

/** What waits on disk for the manifest. */
interface Spooled {
  readonly entryPath: string;
  readonly file: string;
}

class Reading<T> {
  readonly #options: ReadReleaseOptions<T>;
  readonly #spooled: Spooled[] = [];
  readonly #parts: Array<TakenPart<T>> = [];
  readonly #faults: ReleaseFault[] = [];
  #manifest: ReleaseManifest | undefined;
  /** By path in the archive; what is taken is removed. */
  #expected = new Map<string, ReleasePart>();

  constructor(options: ReadReleaseOptions<T>) {
    this.#options = options;
  }

  async add(entry: ArchiveEntry): Promise<void> {
    if (entry.path === 'release.MF') return this.#readManifest(entry);
    if (!isPartPath(entry.path)) return; // LICENSE and NOTICE lie about for people to read
    if (this.#manifest === undefined) return this.#spool(entry);
    await this.#takePart(entry.path, entry.body);
  }

  finish(): ReadRelease<T> {
    const { what } = this.#options;
    if (this.#manifest === undefined) {
      throw new OperatorError(`${what} has no release.MF`, {
        code: 'release-manifest-missing',
        hint: 'It is no release: make one with create-release --tarball.',
        details: { what, boshCode: boshCodes.releaseManifestNotFound },
      });
    }
    if (this.#faults.length > 0) throw new InvalidRelease(nameOf(this.#manifest), this.#faults);
    return { manifest: this.#manifest, parts: this.#parts, missing: [...this.#expected.values()] };
  }

  async cleanUp(): Promise<void> {
    for (const { file } of this.#spooled) await rm(file, { force: true });
  }

  async #readManifest(entry: ArchiveEntry): Promise<void> {
    const { what, onManifest } = this.#options;
    if (this.#manifest !== undefined) throw twice(what, entry.path);
    const bytes = await entryBytes(entry, what, manifestBytesMax);
    const manifest = parseReleaseManifest(bytes.toString('utf8'), `release.MF of ${what}`);
    this.#manifest = manifest;
    this.#expected = expectedParts(manifest);
    await onManifest?.(manifest);
    for (const { entryPath, file } of this.#spooled) {
      await this.#takePart(entryPath, createReadStream(file) as AsyncIterable<Buffer>);
      await rm(file, { force: true });
    }
  }

  async #spool(entry: ArchiveEntry): Promise<void> {
    const file = join(this.#options.spoolDir, `spooled-${this.#spooled.length}.tgz`);
    this.#spooled.push({ entryPath: entry.path, file });
    await pipeline(entry.body, createWriteStream(file, { flags: 'wx' }));
  }

  async #takePart(path: string, body: AsyncIterable<Buffer>): Promise<void> {
    const part = this.#expected.get(path);
    if (part === undefined) {
      if (this.#parts.some((taken) => pathOf(taken.part) === path)) throw twice(this.#options.what, path);
      return; // nobody speaks of it
    }
    this.#expected.delete(path);
    const what = `${part.kind.replace('-', ' ')} ${part.name}/${part.ref.version}`;
    const algorithm = part.ref.sha1 === null ? 'sha256' : algorithmFor(part.ref.sha1);
    const hash = createHash(algorithm);
    const inspection = part.kind === 'job' ? new Inspection(what, part.name) : undefined;
    let size = 0;
    let hex = '';
    const verified = async function* (): AsyncGenerator<Buffer> {
      try {
        for await (const chunk of body) {
          size += chunk.length;
          hash.update(chunk);
          await inspection?.write(chunk);
          yield chunk;
        }
        hex = hash.digest('hex');
        if (part.ref.sha1 !== null) checkDigest(what, part.ref.sha1, hex);
      } finally {
        inspection?.end();
      }
    };
    const bytes = Readable.from(verified(), { objectMode: false });
    const taken = await this.#options.take(part, bytes);
    await readToEnd(bytes, what);
    const job = inspection === undefined ? null : this.#judge(part, await inspection.outcome);
    this.#parts.push({ part, bytes: size, digest: formatDigest({ algorithm, hex }), taken, job });
  }

  /** Faults of jobs are collected: who fixes a release wants to see them all. */
  #judge(part: ReleasePart, outcome: JobArchive | Error): JobArchive | null {
    const path = `jobs.${part.name}`;
    if (outcome instanceof InvalidRelease) {
      for (const fault of outcome.faults)
        this.#faults.push({ ...fault, path: fault.path === '' ? path : `${path}.${fault.path}` });
      return null;
    }
    if (outcome instanceof OperatorError) {
      this.#faults.push({ path, message: outcome.message, boshCode: boshCodes.jobInvalidArchive });
      return null;
    }
    if (outcome instanceof Error) throw outcome;
    this.#checkPackages(path, outcome);
    return outcome;
  }

  #checkPackages(path: string, { spec }: JobArchive): void {
    const { packages = [], compiledPackages = [] } = this.#manifest ?? {};
    const names = [...packages, ...compiledPackages].map(({ name }) => name);
    spec.packages.forEach((name, index) => {
      if (names.includes(name)) return;
      const message = `no package "${name}" in this release`;
      this.#faults.push({
        path: `${path}.packages.${index}`,
        message,
        boshCode: boshCodes.jobMissingPackage,
        ...didYouMean(name, names),
      });
    });
  }
}

/** Looks into a job while its bytes pass by on their way to the caller. */
class Inspection {
  readonly #pipe = new PassThrough({ highWaterMark: 256 * 1024 });
  readonly outcome: Promise<JobArchive | Error>;

  constructor(what: string, name: string) {
    this.outcome = readJobArchive(this.#pipe, { what, name }).catch((thrown: unknown) =>
      thrown instanceof Error ? thrown : new Error(String(thrown)),
    );
  }

  /** An inspection that has failed reads no more, and must not hold up the bytes. */
  async write(chunk: Buffer): Promise<void> {
    const pipe = this.#pipe;
    if (pipe.destroyed || pipe.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        pipe.off('drain', go).off('close', go);
        resolve();
      };
      pipe.once('drain', go).once('close', go);
    });
  }

  end(): void {
    this.#pipe.end();
  }
}

/** What the taker left unread is read here, so that its digest is checked all the same. */
async function readToEnd(bytes: Readable, what: string): Promise<void> {
  if (bytes.errored !== null) throw bytes.errored; // the taker hid it
  if (bytes.readableEnded) return;
  if (bytes.destroyed) throw new Error(`${what}: its taker destroyed the stream and said that all is well`);
  for await (const _ of bytes);
}

const partPath = /^(?:jobs|packages|compiled_packages)\/[^/]+\.tgz$|^license\.tgz$/;

function isPartPath(path: string): boolean {
  return partPath.test(path);
}

function pathOf({ kind, name }: ReleasePart): string {
  switch (kind) {
    case 'job':
      return `jobs/${name}.tgz`;
    case 'package':
      return `packages/${name}.tgz`;
    case 'compiled-package':
      return `compiled_packages/${name}.tgz`;
    case 'license':
      return 'license.tgz';
  }
}

function expectedParts(manifest: ReleaseManifest): Map<string, ReleasePart> {
  const parts: ReleasePart[] = [
    ...manifest.jobs.map((ref) => ({ kind: 'job', name: ref.name, ref }) as const),
    ...manifest.packages.map((ref) => ({ kind: 'package', name: ref.name, ref }) as const),
    ...manifest.compiledPackages.map((ref) => ({ kind: 'compiled-package', name: ref.name, ref }) as const),
    ...(manifest.license === null ? [] : [{ kind: 'license', name: 'license', ref: manifest.license } as const]),
  ];
  return new Map(parts.map((part) => [pathOf(part), part]));
}

function nameOf({ name, version }: ReleaseManifest): string {
  return `release ${name}/${version}`;
}

function twice(what: string, path: string): OperatorError {
  return new OperatorError(`${what} holds ${path} twice`, {
    code: 'archive-malformed',
    hint: 'Make the release anew: it can not be told which of the two is meant.',
    details: { what, path, boshCode: boshCodes.releaseInvalidArchive },
  });
}
