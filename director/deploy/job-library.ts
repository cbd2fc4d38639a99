import { readJobArchive, type JobArchive } from '../../releases/job-archive.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { ReleaseJob } from '../store/releases.ts';
import { propertiesCheck, type PropertiesCheck } from '../templates/properties-schema.ts';
import type { JobTemplates } from '../templates/renderer.ts';

export interface LoadedJob {
  spec: JobArchive['spec'];
  templates: JobTemplates;
  /** By its properties_schema.json; null: it has none. @throws InvalidInput `job-schema-invalid` */
  propertiesCheck: () => PropertiesCheck | null;
}

/** Characters of template text that are kept between deploys; a big release has about two million. */
const keptCharsMax = 16 * 1024 * 1024;

/** The specs and templates of jobs, read from their archives, and kept: a redeploy reads none twice. */
export class JobLibrary {
  readonly #blobs: Blobstore;
  readonly #kept = new Map<string, { job: LoadedJob; chars: number }>();
  #chars = 0;

  constructor(blobs: Blobstore) {
    this.#blobs = blobs;
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
      propertiesCheck: checkOf(job.name, archive),
    };
    this.#keep(key, loaded);
    return loaded;
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

/** Compiled when it is first asked for: not everyone who loads a job has properties for it. */
function checkOf(name: string, { propertiesSchema: text }: JobArchive): LoadedJob['propertiesCheck'] {
  let check: PropertiesCheck | null = null;
  return () => (text === null ? null : (check ??= propertiesCheck(name, text)));
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
