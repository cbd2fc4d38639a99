import { readJobArchive, type JobArchive } from '../../releases/job-archive.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { ReleaseJob } from '../store/releases.ts';
import type { Fault } from '../../common/errors.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { JobTemplates } from '../templates/renderer.ts';
import type { SchemaChecks } from '../templates/schema/schema-checks.ts';

export interface LoadedJob {
  spec: JobArchive['spec'];
  templates: JobTemplates;
  /** What does not fit its properties_schema.json, if it has one. @throws InvalidInput `job-schema-invalid` */
  misfits: (properties: YamlMap) => Promise<Fault[]>;
}

/** Characters of template text that are kept between deploys; a big release has about two million. */
const keptCharsMax = 16 * 1024 * 1024;

/** The specs and templates of jobs, read from their archives, and kept: a redeploy reads none twice. */
export class JobLibrary {
  readonly #blobs: Blobstore;
  readonly #schemas: SchemaChecks;
  readonly #kept = new Map<string, { job: LoadedJob; chars: number }>();
  #chars = 0;

  constructor(blobs: Blobstore, schemas: SchemaChecks) {
    this.#blobs = blobs;
    this.#schemas = schemas;
  }

  async load(job: ReleaseJob): Promise<LoadedJob> {
    const key = `${job.name} ${job.blobId}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key); // to the end: least recently used goes first
      this.#kept.set(key, known);
      return known.job;
    }
    const archive = await readJobArchive(await this.#blobs.get(job.blobId), {
      what: `job ${job.name}/${job.fingerprint}`,
      texts: true,
    });
    const loaded = {
      spec: archive.spec,
      templates: templatesOf(job.name, archive),
      misfits: this.#misfitsOf(job.name, archive),
    };
    this.#keep(key, loaded);
    return loaded;
  }

  #misfitsOf(name: string, { propertiesSchema: text }: JobArchive): LoadedJob['misfits'] {
    return text === null ? () => Promise.resolve([]) : (properties) => this.#schemas.check(name, text, properties);
  }

  #keep(key: string, job: LoadedJob): void {
    const chars = job.templates.templates.reduce((sum, { text }) => sum + text.length, job.templates.monit.length);
    this.#kept.set(key, { job, chars });
    this.#chars += chars;
    for (const [oldest, entry] of this.#kept) {
      if (this.#chars <= keptCharsMax) break;
      this.#kept.delete(oldest);
      this.#chars -= entry.chars;
    }
  }
}

function templatesOf(name: string, { spec, monit, templates }: JobArchive): JobTemplates {
  return {
    name,
    monit: monit.get('monit') ?? '',
    templates: [...spec.templates].map(([source, destination]) => ({
      source,
      destination,
      text: templates.get(source) ?? '',
    })),
  };
}
