import { InvalidInput, type Fault } from '../common/errors.ts';
import { isRecord } from './shape.ts';
import type { ApplySpec } from './protocol.ts';

/**
 * Checks an apply spec that came off the wire. Keys that we don't know are kept: the director adds some over the
 * years, and asks for all of them back by `get_state`.
 * @throws InvalidInput with every fault
 */
export function parseApplySpec(value: unknown): ApplySpec {
  if (!isRecord(value)) throw new InvalidInput('apply spec', [{ path: '', message: 'expected an object' }]);
  const faults: Fault[] = [];
  const check = (path: string, found: unknown, wanted: Wanted, optional = false) => {
    if (found === undefined || found === null) {
      if (!optional) faults.push({ path, message: `missing, expected ${wanted}` });
    } else if (!fits[wanted](found)) {
      faults.push({ path, message: `expected ${wanted}, found ${shown(found)}` });
    }
  };
  check('deployment', value['deployment'], 'a text');
  check('id', value['id'], 'a text');
  check('index', value['index'], 'a number');
  check('networks', value['networks'], 'an object');
  check('name', value['name'], 'a text', true);
  check('az', value['az'], 'a text', true);
  check('configuration_hash', value['configuration_hash'], 'a text', true);
  check('persistent_disk', value['persistent_disk'], 'a number', true);
  check('packages', value['packages'], 'an object', true);
  check('job', value['job'], 'an object', true);
  check('rendered_templates_archive', value['rendered_templates_archive'], 'an object', true);
  checkArchive(value['rendered_templates_archive'], check);
  checkPackages(value['packages'], check);
  checkJob(value['job'], check);
  if (faults.length > 0) throw new InvalidInput('apply spec', faults);
  return value as ApplySpec; // every key that the type names was checked above
}

type Check = (path: string, found: unknown, wanted: Wanted, optional?: boolean) => void;
type Wanted = keyof typeof fits;

const fits = {
  'a text': (value: unknown) => typeof value === 'string',
  'a number': (value: unknown) => typeof value === 'number',
  'an object': isRecord,
  'a list': Array.isArray,
  'a name': (value: unknown) => typeof value === 'string' && isPlainName(value),
} as const;

function checkArchive(archive: unknown, check: Check): void {
  if (!isRecord(archive)) return;
  const { blobstore_id: blobId, sha1 } = archive;
  if (blobId === '' && sha1 === '') return; // a group without jobs
  check('rendered_templates_archive.blobstore_id', blobId, 'a text');
  check('rendered_templates_archive.sha1', sha1, 'a text');
}

function checkPackages(packages: unknown, check: Check): void {
  if (!isRecord(packages)) return;
  for (const [name, ref] of Object.entries(packages)) {
    const path = `packages.${name}`;
    check(path, ref, 'an object');
    if (!isRecord(ref)) continue;
    check(`${path}.name`, ref['name'], 'a name');
    check(`${path}.version`, ref['version'], 'a text');
    check(`${path}.sha1`, ref['sha1'], 'a text');
    check(`${path}.blobstore_id`, ref['blobstore_id'], 'a text');
  }
}

function checkJob(job: unknown, check: Check): void {
  if (!isRecord(job)) return;
  check('job.name', job['name'], 'a text');
  check('job.templates', job['templates'], 'a list', true);
  if (!Array.isArray(job['templates'])) return;
  for (const [i, template] of job['templates'].entries()) {
    const path = `job.templates.${i}`;
    check(path, template, 'an object');
    if (!isRecord(template)) continue;
    check(`${path}.name`, template['name'], 'a name');
    check(`${path}.version`, template['version'], 'a text');
  }
}

/** Fit to be one part of a path: a job or a package called `../x` would leave its folder. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name);
}

function shown(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
}

/** The jobs of a spec, in their order. None, when there is nothing rendered for them. */
export function jobNames(spec: ApplySpec): string[] {
  return (spec.job?.templates ?? []).map((template) => template.name);
}
