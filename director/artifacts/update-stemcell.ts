import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { isUnsupported } from '../../cpi/errors.ts';
import { readStemcell } from '../../stemcells/read-stemcell.ts';
import type { StemcellManifest } from '../../stemcells/stemcell-manifest.ts';
import type { Stemcell } from '../store/stemcells.ts';
import type { Stage, TaskContext, TaskHandler } from '../tasks/task-context.ts';
import type { UpdateStemcellArgs } from './args.ts';
import type { ArtifactDeps } from './deps.ts';
import { stemcellNotSupported } from './errors.ts';
import { stemcellLock } from './locks.ts';
import { withArtifact, type ArtifactFile } from './spool.ts';

/** For each CPI, as importing an image can take that long. As BOSH. */
const stemcellLockWaitMsPerCpi = 900_000;

/** Check, upload and save, for each CPI. */
const tasksPerCpi = 3;

/** `bosh upload-stemcell`: imports an image into every CPI that takes its format. */
export function updateStemcell(deps: ArtifactDeps): TaskHandler {
  return (task) => {
    const { source, fix } = task.task.args as UpdateStemcellArgs; // the API has checked it
    const cpis = deps.cpis.names();
    const total = 2 + (source.kind === 'remote' ? 1 : 0) + (source.digest === null ? 0 : 1) + tasksPerCpi * cpis.length;
    const stage = task.events.stage('Update stemcell', total);
    return withArtifact({ source, what: 'stemcell', stageFor: () => stage }, deps, task, async (file) => {
      const { manifest, imagePath } = await extract(file, stage);
      const { name, version } = manifest;
      const waitMs = stemcellLockWaitMsPerCpi * cpis.length;
      await task.withLock(stemcellLock(name, version), waitMs, () =>
        importEverywhere({ manifest, imagePath, fix }, cpis, { deps, task, stage }),
      );
      return `/stemcells/${name}/${version}`;
    });
  };
}

/** The image as a file of its own: CPIs want a path. */
async function extract(
  { path, workDir }: ArtifactFile,
  stage: Stage,
): Promise<{ manifest: StemcellManifest; imagePath: string }> {
  const imagePath = join(workDir, 'image');
  const read = await stage.task('Extracting stemcell archive', () =>
    withBoshCode(() =>
      readStemcell(createReadStream(path, { highWaterMark: 256 * 1024 }), {
        what: 'the stemcell',
        takeImage: (bytes) => pipeline(bytes, createWriteStream(imagePath, { mode: 0o600 })),
      }),
    ),
  );
  await stage.task('Verifying stemcell manifest', async () => {}); // reading it saw to that
  return { manifest: read.manifest, imagePath };
}

async function withBoshCode<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError) || !thrown.code.startsWith('archive-')) throw thrown;
    throw new OperatorError(`Extracting stemcell archive failed: ${thrown.message}`, {
      code: 'stemcell-invalid-archive',
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      details: { ...thrown.details, reason: thrown.code },
      cause: thrown,
    });
  }
}

interface Import {
  manifest: StemcellManifest;
  imagePath: string;
  fix: boolean;
}

interface World {
  deps: ArtifactDeps;
  task: TaskContext;
  stage: Stage;
}

/** @throws OperatorError `stemcell-not-supported` when no CPI takes its format */
async function importEverywhere(what: Import, cpis: readonly string[], world: World): Promise<void> {
  const { name, version, formats } = what.manifest;
  const { store } = world.task;
  const available = new Set<string>();
  let taken = 0;
  for (const cpi of cpis) {
    world.task.checkpoint();
    const supported = await formatsOf(cpi, world);
    for (const format of supported ?? []) available.add(format);
    const fits = formats === null || supported === null || formats.some((format) => supported.includes(format));
    if (fits) {
      await importInto(cpi, what, world);
      taken += 1;
    } else world.task.debug(`CPI "${cpi}" takes none of the formats ${JSON.stringify(formats)}`);
    await store.stemcells.recordUpload({ name, version, cpi });
  }
  if (taken === 0) throw stemcellNotSupported(`${name}/${version}`, formats ?? [], [...available]);
}

/** Null: the CPI does not tell, and may be tried. */
async function formatsOf(cpi: string, { deps, task }: World): Promise<readonly string[] | null> {
  try {
    const { stemcellFormats } = await deps.cpis.named(cpi, task).info(task.signal);
    return stemcellFormats.length === 0 ? null : stemcellFormats;
  } catch (thrown) {
    if (!isUnsupported(thrown)) throw thrown;
    task.debug(`CPI "${cpi}" does not tell its formats: ${messageOf(thrown)}`);
    return null;
  }
}

/**
 * The CPI gives a stemcell its id, so one whose answer was lost in a kill is imported anew: the image that is left is
 * known to the infrastructure alone. It costs space and no more.
 */
async function importInto(cpi: string, { manifest, imagePath, fix }: Import, { deps, task, stage }: World) {
  const { name, version } = manifest;
  const { stemcells } = task.store;
  const on = cpi === '' ? '' : ` (cpi: ${cpi})`;
  const known = await stage.task(`Checking if this stemcell already exists${on}`, async () => {
    const [found] = await stemcells.find(name, version, cpi);
    return found;
  });
  const skipped = known === undefined || fix ? '' : ' (already exists, skipped)';
  const cid = await stage.task(`Uploading stemcell ${name}/${version} to the cloud${on}${skipped}`, async () => {
    if (known !== undefined && !fix) return known.cid;
    return deps.cpis.named(cpi, task).createStemcell(imagePath, manifest.cloudProperties, task.signal);
  });
  await stage.task(`Save stemcell ${name}/${version} (${cid})${on}${skipped}`, async () => {
    if (known !== undefined && !fix) return;
    await stemcells.save(rowOf(manifest, cpi, cid));
  });
}

function rowOf(manifest: StemcellManifest, cpi: string, cid: Stemcell['cid']): Omit<Stemcell, 'id'> {
  const { name, version, operatingSystem, apiVersion, sha1 } = manifest;
  return { name, version, operatingSystem, cpi, cid, apiVersion, digest: sha1 };
}
