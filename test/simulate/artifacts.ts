import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packArchive, textEntry } from '../../common/archive-pack.ts';
import type { NewTask } from '../../director/store/tasks.ts';
import type {
  ArtifactSource,
  CleanUpArgs,
  DeleteReleaseArgs,
  DeleteStemcellArgs,
  UpdateReleaseArgs,
  UpdateStemcellArgs,
} from '../../director/artifacts/args.ts';
import { artifactTaskHandlers } from '../../director/artifacts/handlers.ts';
import { deleteInstanceVm } from '../../director/deploy/delete-instance-vm.ts';
import type { GenerationOptions, World } from '../support/given-director.ts';
import { buildRelease, bytesOf, packRelease } from '../support/release-archive.ts';
import { newTask } from '../support/task-world.ts';

export const [releaseName, stemcellName] = ['web', 'tiny'];
export const versions = ['1', '2', '3'] as const;

/** Versions share a package and, two of them, a job. The web job writes down what it is told of the databases. */
const releaseTexts = (version: string) => ({
  name: releaseName,
  version,
  jobs: {
    web: {
      'job.MF': JSON.stringify({
        name: 'web',
        templates: { 'web.yml': 'config/web.yml', 'db.json': 'config/db.json' },
        packages: ['app'],
        properties: { port: { default: 80 } },
        consumes: [{ name: 'db', type: 'db' }],
      }),
      monit: '',
      'templates/web.yml': `port: <%= p("port") %> # ${version}`,
      'templates/db.json': '<%= link("db") %>',
    },
    db: {
      'job.MF': JSON.stringify({
        name: 'db',
        templates: { 'db.yml': 'config/db.yml' },
        packages: ['shared'],
        properties: { port: { default: 5432 } },
        provides: [{ name: 'db', type: 'db', properties: ['port'] }],
      }),
      monit: '',
      'templates/db.yml': `port: <%= p("port") %> # ${version === '3' ? 'new' : 'old'}`,
    },
  },
  packages: {
    shared: { content: 'true' },
    app: { content: `true # ${version}`, dependencies: ['shared'] },
  },
});

/** Made once in a process. */
const made = new Map<string, Promise<Buffer>>();

function archive(kind: 'release' | 'stemcell', version: string): Promise<Buffer> {
  const key = `${kind} ${version}`;
  const bytes = made.get(key) ?? (kind === 'release' ? releaseArchive(version) : stemcellArchive(version));
  made.set(key, bytes);
  return bytes;
}

const releaseArchive = async (version: string) =>
  bytesOf(packRelease(await buildRelease(releaseTexts(version)), { gzip: false }));

function stemcellArchive(version: string): Promise<Buffer> {
  const manifest = {
    name: stemcellName,
    version,
    operating_system: 'tiny-os',
    sha1: 'a'.repeat(40),
    api_version: 3,
    cloud_properties: { name: stemcellName, version },
  };
  return bytesOf(packArchive([textEntry('stemcell.MF', JSON.stringify(manifest)), textEntry('image', 'image')]));
}

/** Tasks about releases and stemcells, with what they need in a directory of the seed's own. */
export class Artifacts {
  readonly #world: World;
  readonly #dir: string;
  #uploads = 0;

  constructor(world: World, dir: string) {
    this.#world = world;
    this.#dir = dir;
  }

  /** For the directors of the seed. */
  readonly handlers: NonNullable<GenerationOptions['otherHandlers']> = ({ deploy, cpis }) => {
    const { blobs, clock, chance } = deploy;
    return artifactTaskHandlers({
      blobs,
      cpis,
      clock,
      chance,
      spoolDir: this.#dir,
      limits: { downloadBytesMax: 1_000_000, downloadMsMax: 60_000 },
      compile: () => Promise.reject(new Error('nothing is exported here')),
      deleteInstanceVm: deleteInstanceVm(deploy),
    });
  };

  async uploadRelease(version: string): Promise<NewTask> {
    const args: UpdateReleaseArgs = { source: await this.#spooled('release', version), rebase: false, fix: false };
    return newTask('update_release', { args });
  }

  async uploadStemcell(version: string): Promise<NewTask> {
    const args: UpdateStemcellArgs = { source: await this.#spooled('stemcell', version), fix: false };
    return newTask('update_stemcell', { args });
  }

  deleteRelease(version: string | null): NewTask {
    const args: DeleteReleaseArgs = { name: releaseName, version, force: false };
    return newTask('delete_release', { args });
  }

  deleteStemcell(version: string): NewTask {
    const args: DeleteStemcellArgs = { name: stemcellName, version, force: false };
    return newTask('delete_stemcell', { args });
  }

  cleanUp(removeAll: boolean): NewTask {
    const args: CleanUpArgs = { removeAll, keepOrphanedDisks: false };
    return newTask('delete_artifacts', { args });
  }

  async #spooled(kind: 'release' | 'stemcell', version: string): Promise<ArtifactSource> {
    const path = join(this.#dir, `upload-${++this.#uploads}`);
    await writeFile(path, await archive(kind, version));
    const now = new Date(this.#world.clock.now()); // its age is looked at
    await utimes(path, now, now);
    return { kind: 'spooled', path, digest: null };
  }
}
