import { createHash } from 'node:crypto';
import { packArchive, type PackEntry, textEntry } from '../../common/archive-pack.ts';

/** A release as a tgz, made from the texts of its files: small, and wrong in whichever way a test wants it. */
export interface ReleaseTexts {
  name?: string;
  version?: string;
  /** Files of each job: `job.MF`, `monit`, `templates/…`. */
  jobs?: Record<string, Record<string, string>>;
  /** Content of the one file in each package. */
  packages?: Record<string, { content: string; dependencies?: string[] }>;
  compiledPackages?: Record<string, { content: string; dependencies?: string[]; stemcell: string }>;
  license?: string;
}

export interface BuiltRelease {
  manifest: string;
  /** By path in the release. */
  parts: Map<string, Buffer>;
}

export const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
export const sha1 = (bytes: Buffer | string) => createHash('sha1').update(bytes).digest('hex');

export async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const tgz = (files: Record<string, string>) =>
  bytesOf(
    packArchive(
      Object.entries(files).map(([path, text]) => textEntry(path, text)),
      { prefix: './' },
    ),
  );

/** The inner archives and the manifest that fits them. */
export async function buildRelease(texts: ReleaseTexts): Promise<BuiltRelease> {
  const parts = new Map<string, Buffer>();
  const lines = [
    `name: ${texts.name ?? 'web'}`,
    `version: "${texts.version ?? '1'}"`,
    'commit_hash: abc1234',
    'uncommitted_changes: false',
  ];
  const add = async (folder: string, name: string, files: Record<string, string>, more: string[]) => {
    const bytes = await tgz(files);
    parts.set(`${folder}/${name}.tgz`, bytes);
    const fingerprint = sha256(JSON.stringify(files));
    lines.push(
      `- name: ${name}`,
      `  version: ${fingerprint}`,
      `  fingerprint: ${fingerprint}`,
      `  sha1: sha256:${sha256(bytes)}`,
      ...more,
    );
  };
  if (texts.jobs !== undefined) lines.push('jobs:');
  for (const [name, files] of Object.entries(texts.jobs ?? {})) await add('jobs', name, files, []);
  if (texts.packages !== undefined) lines.push('packages:');
  for (const [name, { content, dependencies = [] }] of Object.entries(texts.packages ?? {})) {
    await add('packages', name, { packaging: content }, [`  dependencies: [${dependencies.join(', ')}]`]);
  }
  if (texts.compiledPackages !== undefined) lines.push('compiled_packages:');
  for (const [name, { content, dependencies = [], stemcell }] of Object.entries(texts.compiledPackages ?? {})) {
    await add('compiled_packages', name, { bin: content }, [
      `  stemcell: ${stemcell}`,
      `  dependencies: [${dependencies.join(', ')}]`,
    ]);
  }
  if (texts.license !== undefined) {
    const bytes = await tgz({ LICENSE: texts.license });
    parts.set('license.tgz', bytes);
    lines.push('license:', '  version: l1', '  fingerprint: l1', `  sha1: ${sha1(bytes)}`);
  }
  return { manifest: `${lines.join('\n')}\n`, parts };
}

/** The whole, its manifest first or wherever a test wants it. */
export function packRelease({ manifest, parts }: BuiltRelease, { gzip = true, manifestAt = 0 } = {}) {
  const entries: PackEntry[] = [...parts].map(([path, bytes]) => textEntry(path, bytes));
  entries.splice(manifestAt, 0, textEntry('release.MF', manifest));
  return packArchive(entries, { gzip, prefix: './' });
}

/** A job that has all a job needs. */
export const simpleJob = (name: string, spec = ''): Record<string, string> => ({
  'job.MF': `name: ${name}\ntemplates:\n  ctl.erb: bin/ctl\n${spec}`,
  monit: `check process ${name}\n`,
  'templates/ctl.erb': '#!/bin/sh\n',
});
