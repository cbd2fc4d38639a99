import { OperatorError } from '../../common/errors.ts';
import type { RenderedJob } from './renderer.ts';

/** One file of the archive that the agent fetches. */
export interface ArchiveEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** The agent makes what lies in `bin/` executable. */
const FILE_MODE = 0o644;

/**
 * The rendered templates of one instance as they lie in their archive: a directory per job, in it `monit` and each
 * template at its destination.
 * @throws OperatorError `template-path-unsafe` for a destination that leads out of the job's directory
 */
export function* archiveEntries(jobs: readonly RenderedJob[]): Generator<ArchiveEntry> {
  for (const job of jobs) {
    yield { path: `${job.name}/monit`, mode: FILE_MODE, content: job.monit };
    for (const { destination, content } of job.files) {
      if (leadsOut(destination)) throw unsafe(job.name, destination);
      yield { path: `${job.name}/${destination.replace(/^(\.?\/)+/, '')}`, mode: FILE_MODE, content };
    }
  }
}

function leadsOut(path: string): boolean {
  return path === '' || path.includes('\0') || path.split('/').includes('..');
}

function unsafe(job: string, destination: string): OperatorError {
  return new OperatorError(`job ${job}: the template destination "${destination}" leads out of the job's directory`, {
    code: 'template-path-unsafe',
    hint: `Destinations in the job's spec are relative to /var/vcap/jobs/${job}; remove the ".." from it.`,
    details: { job, destination },
  });
}
