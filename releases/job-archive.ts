import type { Readable } from 'node:stream';
import { type ArchiveEntry, entryBytes, readArchive } from '../common/archive.ts';
import { messageOf, OperatorError } from '../common/errors.ts';
import { type JobSpec, readJobSpec } from './job-spec.ts';
import { boshCodes, InvalidRelease, type ReleaseFault } from './release-fault.ts';
import { readSpecDocument } from './spec-document.ts';

/** What the tgz of a job holds. */
export interface JobArchive {
  readonly spec: JobSpec;
  /** `monit` and `*.monit`, by file name. */
  readonly monit: ReadonlyMap<string, string>;
  /** By path below templates/. Empty texts when they weren't asked for. */
  readonly templates: ReadonlyMap<string, string>;
  /** properties_schema.json, as it is written; null: none. */
  readonly propertiesSchema: string | null;
}

const mib = 1024 * 1024;

/** Jobs are text; the largest public one has 2 MB. */
export const jobLimits = {
  entriesMax: 10_000,
  totalBytesMax: 256 * mib,
  fileBytesMax: 16 * mib,
} as const;

export interface ReadJobOptions {
  /** `job web/<fingerprint>` for messages. */
  readonly what: string;
  /** The name that the release gives it, if the job shall be refused when its spec says another one. */
  readonly name?: string;
  /** Keep the texts of templates, to render them. Without: names only. */
  readonly texts?: boolean;
}

/**
 * Reads the tgz of a job through to its end.
 *
 * @throws InvalidRelease with all that is wrong: no job.MF, faults in it, no monit file, templates that it names but
 *   doesn't have. OperatorError `archive-*` when it is no archive; both with `details.boshCode`
 */
export async function readJobArchive(
  source: Readable | AsyncIterable<Buffer>,
  options: ReadJobOptions,
): Promise<JobArchive> {
  const { what, texts = false } = options;
  let specText: string | undefined;
  let propertiesSchema: string | null = null;
  const monit = new Map<string, string>();
  const templates = new Map<string, string>();
  const limits = {
    entriesMax: jobLimits.entriesMax,
    totalBytesMax: jobLimits.totalBytesMax,
    entryBytesMax: jobLimits.fileBytesMax,
  };

  for await (const entry of archiveOfJob(source, what, limits)) {
    if (entry.type !== 'file') continue; // the CLI follows links when it packs a job
    const text = async () => (await entryBytes(entry, what, jobLimits.fileBytesMax)).toString('utf8');
    if (entry.path === 'job.MF') specText = await text();
    else if (entry.path === 'properties_schema.json') propertiesSchema = await text();
    else if (entry.path === 'monit' || /^[^/]+\.monit$/.test(entry.path)) monit.set(entry.path, await text());
    else if (entry.path.startsWith('templates/'))
      templates.set(entry.path.slice('templates/'.length), texts ? await text() : '');
  }
  const spec = checkJob({ specText, monit, templates }, options);
  return { spec, monit, templates, propertiesSchema };
}

async function* archiveOfJob(
  source: Readable | AsyncIterable<Buffer>,
  what: string,
  limits: { entriesMax: number; totalBytesMax: number; entryBytesMax: number },
): AsyncGenerator<ArchiveEntry> {
  try {
    yield* readArchive(source, { what, limits });
  } catch (thrown) {
    if (!(thrown instanceof OperatorError) || !thrown.code.startsWith('archive-')) throw thrown;
    throw new OperatorError(thrown.message, {
      code: thrown.code,
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      details: { ...thrown.details, boshCode: boshCodes.jobInvalidArchive },
      cause: thrown,
    });
  }
}

function checkJob(
  job: { specText: string | undefined; monit: ReadonlyMap<string, string>; templates: ReadonlyMap<string, string> },
  { what, name }: ReadJobOptions,
): JobSpec {
  if (job.specText === undefined) {
    throw new InvalidRelease(what, [{ path: '', message: 'it has no job.MF', boshCode: boshCodes.jobMissingManifest }]);
  }
  const { spec, faults } = parseJobSpec(job.specText);
  if (name !== undefined && spec.name !== '' && spec.name !== name) {
    faults.push({
      path: 'name',
      message: `is "${spec.name}", but the release calls it "${name}"`,
      boshCode: boshCodes.jobInvalidName,
    });
  }
  for (const source of spec.templates.keys()) {
    if (!job.templates.has(source)) {
      faults.push({
        path: `templates.${source}`,
        message: 'there is no such file in templates/',
        boshCode: boshCodes.jobMissingTemplateFile,
      });
    }
  }
  if (job.monit.size === 0)
    faults.push({ path: '', message: 'it has no monit file', boshCode: boshCodes.jobMissingMonit });
  if (faults.length > 0) throw new InvalidRelease(what, faults);
  return spec;
}

/** The spec in the text of a job.MF (or of a `spec` file), and its faults, those of its YAML included. */
export function parseJobSpec(text: string): { spec: JobSpec; faults: ReleaseFault[] } {
  try {
    return readJobSpec(readSpecDocument(text));
  } catch (thrown) {
    const { spec } = readJobSpec({});
    return { spec, faults: [{ path: '', message: messageOf(thrown), boshCode: boshCodes.jobMissingManifest }] };
  }
}
