import { InvalidInput, OperatorError, type Fault } from '../../common/errors.ts';
import { didYouMean } from '../../common/suggest.ts';
import type { InstanceGroup, JobReference } from '../../manifests/instance-group.ts';
import type { YamlMap } from '../../manifests/value.ts';
import { hasPlaceholders } from '../plan/variable-values.ts';
import type { WantedJob } from '../plan/wanted.ts';
import type { ReleaseContents } from '../store/releases.ts';
import { jobProperties } from '../templates/job-properties.ts';
import type { CollectedFaults } from './collected-faults.ts';
import type { JobLibrary, LoadedJob } from './job-library.ts';

export interface GroupJobs {
  group: InstanceGroup;
  /** The group's own, then those of addons. */
  jobs: readonly JobReference[];
}

interface Context {
  releases: ReadonlyMap<string, ReleaseContents>;
  jobs: JobLibrary;
  faults: CollectedFaults;
}

/**
 * Every job of every group with its properties, as far as its release is there. Of one that can't be used the fault
 * is noted: its release does not have it, or its properties are not what its spec or its schema wants.
 */
export async function resolveJobs(
  groups: readonly GroupJobs[],
  context: Context,
): Promise<{ byGroup: Map<string, WantedJob[]>; warnings: Fault[] }> {
  const byGroup = new Map<string, WantedJob[]>();
  const warnings: Fault[] = [];
  for (const [i, { group, jobs }] of groups.entries()) {
    const wanted = await Promise.all(
      jobs.map((reference, j) => resolveJob(reference, pathOf(group, i, j, reference), context, warnings)),
    );
    byGroup.set(
      group.name,
      wanted.flatMap((job) => (job === undefined ? [] : [job])),
    );
  }
  return { byGroup, warnings };
}

/** For faults. */
function pathOf(group: InstanceGroup, i: number, j: number, { name }: JobReference): string {
  return j < group.jobs.length ? `instance_groups.${i}.jobs.${j}` : `addons: ${name} on ${group.name}`;
}

async function resolveJob(
  reference: JobReference,
  path: string,
  { releases, jobs, faults }: Context,
  warnings: Fault[],
): Promise<WantedJob | undefined> {
  const contents = releases.get(reference.release);
  if (contents === undefined) return undefined; // noted where releases are looked up
  const job = contents.jobs.find(({ name }) => name === reference.name);
  if (job === undefined) return faults.of(() => refuseUnknown(reference, contents, path));
  const loaded = await jobs.load(job).catch((thrown: unknown) => {
    throw isBlobMissing(thrown) ? archiveMissing(reference.name, contents, thrown) : thrown;
  });
  warnings.push(...unknownLinks(reference, loaded, path));
  const properties = await faults.of(() => checkedProperties(reference, loaded, path));
  if (properties === undefined) return undefined;
  return {
    name: reference.name,
    release: { name: contents.release.name, version: contents.release.version },
    job,
    packages: new Map(contents.packages.map((pkg) => [pkg.name, pkg])),
    properties,
    givenProperties: reference.properties,
    provides: reference.provides,
    consumes: reference.consumes,
    customProviders: reference.customProviders,
  };
}

function refuseUnknown(
  { name, release }: JobReference,
  { release: found, jobs }: ReleaseContents,
  path: string,
): never {
  const fault = {
    path: `${path}.name`,
    message: `release "${release}/${found.version}" has no job "${name}"`,
    ...didYouMean(
      name,
      jobs.map((job) => job.name),
    ),
  };
  const invalid = new InvalidInput('jobs', [fault], {
    code: 'job-missing',
    hint: '`bosh inspect-release NAME/VERSION` lists the jobs of a release.',
  });
  Object.assign(invalid.details, { boshCode: 140029, release, job: name });
  throw invalid;
}

function isBlobMissing(thrown: unknown): thrown is OperatorError {
  return thrown instanceof OperatorError && thrown.code === 'blob-not-found';
}

/** Looked up without its release's lock, so whoever deletes that may be at it. */
function archiveMissing(job: string, { release: { name, version } }: ReleaseContents, cause: Error): OperatorError {
  return new OperatorError(`the archive of job ${job} of release ${name}/${version} is not in the blobstore`, {
    code: 'job-archive-missing',
    hint:
      `If the release is being deleted (\`bosh tasks\`), upload it again or deploy another version; else it is damaged: ` +
      `\`bosh upload-release --fix\` puts it in order.`,
    details: { release: name, version, job },
    cause,
  });
}

async function checkedProperties(
  { name, properties: given }: JobReference,
  { spec, misfits }: LoadedJob,
  path: string,
): Promise<YamlMap> {
  const at = (faults: readonly Fault[]) => faults.map((fault) => ({ ...fault, path: `${path}.${fault.path}` }));
  const properties = await placed(at, () => jobProperties(name, spec.properties, given));
  if (hasPlaceholders(properties)) return properties; // checked when it is known what they stand for
  const unfit = await placed(at, () => misfits(properties));
  if (unfit.length === 0) return properties;
  throw new InvalidInput(`properties of job ${name}`, at(unfit), {
    ...jobPropertiesUnfit,
    hint: `The release of ${name} says in its properties_schema.json what its properties may be.`,
  });
}

export const jobPropertiesUnfit = {
  code: 'job-properties-unfit',
  hint: 'The releases of these jobs say in properties_schema.json what properties may be.',
};

/** The faults of a job, where the manifest has the job. */
async function placed<T>(at: (faults: readonly Fault[]) => Fault[], read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof InvalidInput)) throw thrown;
    const what = thrown.message.slice(0, thrown.message.indexOf(':'));
    throw new InvalidInput(what, at(thrown.faults), {
      code: thrown.code,
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    });
  }
}

/** BOSH ignores them (and logs it); whoever wrote them had something in mind. */
function unknownLinks({ name, consumes, provides }: JobReference, { spec }: LoadedJob, path: string): Fault[] {
  const unknown = (what: 'consumes' | 'provides', given: Iterable<string>, known: readonly string[]) =>
    [...given]
      .filter((link) => !known.includes(link))
      .map((link) => ({
        path: `${path}.${what}.${link}`,
        message: `job "${name}" ${what} no link "${link}", so this is ignored`,
        ...didYouMean(link, known),
      }));
  return [
    ...unknown(
      'consumes',
      consumes.keys(),
      spec.consumes.map((link) => link.name),
    ),
    ...unknown(
      'provides',
      provides.keys(),
      spec.provides.map((link) => link.name),
    ),
  ];
}
