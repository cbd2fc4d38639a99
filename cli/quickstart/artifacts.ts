import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { packReleaseDir } from '../../releases/directory/pack-release-dir.ts';
import { writeTarball } from '../../releases/directory/create-release.ts';
import { packStemcell } from '../../stemcells/pack-stemcell.ts';

/** Beside the bundled program: see scripts/build.mjs. */
const shipped = (path: string) => fileURLToPath(new URL(`./shipped/${path}`, import.meta.url));

export interface QuickstartFiles {
  release: string;
  stemcell: string;
  cloudConfig: string;
  manifest: string;
}

/** What an operator would bring along: the sample release, made from its source, and a stemcell for local machines. */
export async function makeArtifacts(workDir: string, version: string): Promise<QuickstartFiles> {
  await mkdir(workDir, { recursive: true });
  const release = join(workDir, 'greeter.tgz');
  await writeTarball(await packReleaseDir({ dir: shipped('greeter'), workDir, version }), release);
  const stemcell = join(workDir, 'stemcell.tgz');
  await pipeline(
    packStemcell({
      name: 'gantry-local',
      version,
      operatingSystem: 'gantry-local',
      formats: ['memory'],
      cloudProperties: { name: 'gantry-local', version },
    }),
    createWriteStream(stemcell),
  );
  return {
    release,
    stemcell,
    cloudConfig: shipped('quickstart/cloud-config.yml'),
    manifest: shipped('quickstart/greeter.yml'),
  };
}
