import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { recordArgument, textArgument, textsArgument } from '../../arguments.ts';
import type { StoredBlob } from '../../blobs.ts';
import type { Call } from '../../dispatch.ts';
import { ActionFailed } from '../../errors.ts';
import { isRecord } from '../../shape.ts';
import type { ApplySpec } from '../../protocol.ts';
import type { SimulatedMachine } from './machine.ts';

/** Fetches what a spec names and drops it, where the simulation is asked to: a missing blob or a wrong digest fails. */
export async function fetchSpecBlobs(machine: SimulatedMachine, spec: ApplySpec, signal: AbortSignal): Promise<void> {
  if (!machine.simulation.fetchesBlobs) return;
  const refs = [spec.rendered_templates_archive, ...Object.values(spec.packages ?? {})];
  for (const ref of refs) {
    if (ref === undefined || ref.blobstore_id === '') continue;
    await dropBlob(machine, { blobId: ref.blobstore_id, digest: ref.sha1 }, signal);
  }
}

export async function dropBlob(
  machine: SimulatedMachine,
  { blobId, digest }: { blobId: string; digest: string },
  signal: AbortSignal,
): Promise<void> {
  const { blobs, fetchesBlobs } = machine.simulation;
  if (!fetchesBlobs || blobs === undefined || machine.state.uploaded.includes(blobId)) return;
  await rm(await blobs.get(blobId, digest, signal));
}

/** The archive holds one file that says what it was made of, so that the same inputs give the same bytes. */
export async function compilePackage(machine: SimulatedMachine, { args, signal }: Call): Promise<object> {
  const source = { blobId: textArgument(args, 0, 'blob id'), digest: textArgument(args, 1, 'digest') };
  const name = textArgument(args, 2, 'name');
  const version = textArgument(args, 3, 'version');
  const dependencies = Object.entries(recordArgument(args, 4, 'dependencies'));
  await dropBlob(machine, source, signal);
  const lines = [`${name} ${version} ${source.digest}`];
  for (const [key, ref] of dependencies.sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isRecord(ref))
      throw new ActionFailed(`compile_package: dependency ${key} is malformed`, { code: 'invalid-input' });
    const blob = {
      blobId: textArgument([ref['blobstore_id']], 0, 'blob id'),
      digest: textArgument([ref['sha1']], 0, 'sha1'),
    };
    await dropBlob(machine, blob, signal);
    lines.push(`${key} ${blob.digest}`);
  }
  const { blobId, multidigest } = await storeArchive(machine, 'compiled.txt', lines.join('\n'), signal);
  return { result: { sha1: multidigest, blobstore_id: blobId } };
}

export async function fetchLogs(machine: SimulatedMachine, { args, signal }: Call): Promise<object> {
  const type = textArgument(args, 0, 'type');
  textsArgument(args, 1, 'filters'); // they are globs of files that there are none of
  for (const one of type.split(',')) {
    if (one !== 'job' && one !== 'agent' && one !== 'system') {
      throw new ActionFailed(`fetch_logs: no log type "${one}"`, { code: 'log-type-unknown' });
    }
  }
  const said = `The machine of agent ${machine.agentId} is simulated: nothing runs on it, so there are no ${type} logs.\n`;
  const { blobId, multidigest } = await storeArchive(machine, 'simulated.log', said, signal);
  return { blobstore_id: blobId, sha1: multidigest };
}

async function storeArchive(
  machine: SimulatedMachine,
  file: string,
  content: string,
  signal: AbortSignal,
): Promise<StoredBlob> {
  const { blobs, chance } = machine.simulation;
  if (blobs === undefined) {
    throw new ActionFailed('this simulation has no blobstore', { code: 'simulation-without-blobs' });
  }
  const path = join(tmpdir(), `simulated-${chance.uuid()}.tgz`);
  await writeFile(path, gzipSync(tarOfOne(file, Buffer.from(content))));
  try {
    return await blobs.put(path, signal);
  } finally {
    await rm(path, { force: true });
  }
}

/** Small enough to be made in memory, and without the time of day in it. */
function tarOfOne(path: string, content: Buffer): Buffer {
  const blocks = Math.ceil(content.length / blockBytes);
  const archive = Buffer.alloc((1 + blocks + 2) * blockBytes); // header, content, and two empty blocks at the end
  new Header({
    path: `./${path}`,
    type: 'File',
    mode: 0o644,
    size: content.length,
    mtime: new Date(0),
    uid: 0,
    gid: 0,
  }).encode(archive);
  content.copy(archive, blockBytes);
  return archive;
}

const blockBytes = 512;
