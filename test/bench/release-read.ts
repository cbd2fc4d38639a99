import { execFile } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { packArchive, type PackEntry, textEntry } from '../../common/archive-pack.ts';
import { readRelease } from '../../releases/read-release.ts';
import { writeRelease } from '../../releases/write-release.ts';
import { buildRelease, simpleJob } from '../support/release-archive.ts';

export interface ReleaseReadFigures {
  readonly releaseBytes: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** The process as it was before, and at its most while reading. */
  readonly rssBeforeMib: number;
  readonly rssPeakMib: number;
  /** The longest that a timer of 5 ms was late: what other requests felt. */
  readonly loopDelayMaxMs: number;
  /** `tar xzf` and `sha256sum` of the same release. */
  readonly toolsCpuMs: number;
  readonly cpuRatio: number;
}

const mib = 1024 * 1024;

/**
 * Reads and verifies a release of `packages` packages of `packageMib` each, storing nothing, as an upload would;
 * and the same work by tar and sha256sum, which also unpack to disk.
 */
export async function benchReleaseRead({ packages = 10, packageMib = 100 } = {}): Promise<ReleaseReadFigures> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-release-'));
  try {
    const file = join(dir, 'release.tgz');
    await makeRelease(dir, file, packages, packageMib);
    const releaseBytes = (await stat(file)).size;
    const toolsCpu = await toolsCpuMs(dir, file);
    const figures = await measured(() => read(dir, file));
    return { releaseBytes, ...figures, toolsCpuMs: toolsCpu, cpuRatio: figures.cpuMs / toolsCpu };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function read(dir: string, file: string): Promise<void> {
  await readRelease(createReadStream(file, { highWaterMark: 256 * 1024 }), {
    what: 'bench',
    spoolDir: dir,
    take: (_, bytes) => pipeline(bytes, new Writable({ write: (_chunk, _encoding, done) => done() })),
  });
}

async function measured(work: () => Promise<void>) {
  const rssBefore = process.memoryUsage.rss();
  let rssPeak = rssBefore;
  let loopDelayMaxMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    loopDelayMaxMs = Math.max(loopDelayMaxMs, now - last - 5);
    last = now;
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  }, 5);
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(timer);
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    rssBeforeMib: rssBefore / mib,
    rssPeakMib: rssPeak / mib,
    loopDelayMaxMs,
  };
}

/** `times` prints the time of the shell, then that of its children: user and system each. */
async function toolsCpuMs(dir: string, file: string): Promise<number> {
  await mkdir(join(dir, 'unpacked'));
  const script = 'tar -xzf "$1" -C "$2" && sha256sum "$2"/*/*.tgz >/dev/null && times';
  const { stdout } = await promisify(execFile)('sh', ['-c', script, 'sh', file, join(dir, 'unpacked')]);
  const children = stdout.trim().split('\n').at(-1) ?? '';
  const ms = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => (Number(m) * 60 + Number(s)) * 1000);
  return ms.reduce((sum, each) => sum + each, 0);
}

/** Packages are full of what doesn't compress, as the tarballs in real ones are. */
async function makeRelease(dir: string, file: string, packages: number, packageMib: number): Promise<void> {
  const { manifest: head, parts } = await buildRelease({ jobs: { web: simpleJob('web') } });
  const built = new Map<string, { file: string; size: number; sha256: string }>();
  for (let i = 0; i < packages; i++) {
    const part = join(dir, `p${i}.tgz`);
    const noise: PackEntry = {
      path: 'noise',
      type: 'file',
      mode: 0o644,
      size: packageMib * mib,
      body: () => noiseOf(packageMib, i),
    };
    await pipeline(packArchive([textEntry('packaging', 'true'), noise], { level: 1 }), createWriteStream(part));
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(part)) hash.update(chunk as Buffer);
    built.set(`p${i}`, { file: part, size: (await stat(part)).size, sha256: hash.digest('hex') });
  }
  const job = parts.get('jobs/web.tgz') ?? Buffer.alloc(0);
  const sha = (hex: string) => ({ version: hex, fingerprint: hex, sha1: `sha256:${hex}` });
  const release = writeRelease(
    {
      name: 'bench',
      version: '1',
      commitHash: head.slice(0, 4),
      uncommittedChanges: false,
      jobs: [{ name: 'web', ...sha(createHash('sha256').update(job).digest('hex')), packages: [] }],
      packages: [...built].map(([name, { sha256 }]) => ({ name, ...sha(sha256), dependencies: [] })),
      compiledPackages: [],
      compiled: false,
      license: null,
      noCompression: false,
    },
    {
      bytesOf: (kind, name) => {
        const part = built.get(name);
        if (kind === 'jobs') return Promise.resolve({ size: job.length, open: () => Readable.from([job]) });
        return Promise.resolve(
          part && { size: part.size, open: () => createReadStream(part.file) as AsyncIterable<Buffer> },
        );
      },
    },
  );
  await pipeline(release, createWriteStream(file));
  for (const { file: part } of built.values()) await rm(part);
}

/** The same noise each time: a cipher over zeroes. */
async function* noiseOf(sizeMib: number, seed: number): AsyncGenerator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  const zeroes = Buffer.alloc(mib);
  for (let i = 0; i < sizeMib; i++) yield await Promise.resolve(cipher.update(zeroes));
}
