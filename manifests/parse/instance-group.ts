import { didYouMean } from '../../common/suggest.ts';
import { canonicalName, canonicalNameFault } from '../canonical-name.ts';
import type { DiskWish, InstanceGroup, JobReference, MigratedFrom, VmWish, WantedState } from '../instance-group.ts';
import type { ManifestOptions } from '../options.ts';
import type { UpdatePolicy } from '../update-policy.ts';
import type { YamlMap } from '../value.ts';
import { parseGroupNetworks } from './group-networks.ts';
import { mergeProperties, readConsumes, readCustomProviders, readProvides } from './links.ts';
import type { Section } from './section.ts';
import { readTags } from './tags.ts';
import { parseUpdatePolicy } from './update-policy.ts';
import { readVmResources } from './vm-resources.ts';

const codes = {
  unknownRelease: 140002,
  unknownStemcell: 140005,
  badInstanceState: 140007,
  badState: 140008,
  repeatedJob: 140010,
  badLifecycle: 140011,
  badDisk: 140013,
  badAz: 140016,
  noAzs: 140017,
  badVm: 140022,
  templates: 140024,
  resourcePool: 140025,
  diskPool: 140027,
  badMigration: 190018,
} as const;

const keys = [
  'name',
  'lifecycle',
  'azs',
  'instances',
  'jobs',
  'stemcell',
  'vm_type',
  'vm_resources',
  'vm_extensions',
  'env',
  'persistent_disk',
  'persistent_disk_type',
  'persistent_disks',
  'networks',
  'update',
  'migrated_from',
  'state',
  'instance_states',
  'properties',
  'tags',
  // At fault already, with words of their own:
  'template',
  'templates',
  'resource_pool',
  'persistent_disk_pool',
];

const states: readonly WantedState[] = ['started', 'stopped', 'detached', 'recreate', 'restart'];

/** What the manifest says around an instance group. */
export interface Around {
  releases: ReadonlySet<string>;
  stemcells: ReadonlySet<string>;
  update: UpdatePolicy;
  properties: YamlMap;
  options: ManifestOptions;
}

/** Source: instance_group_spec_parser.rb. */
export function parseInstanceGroup(group: Section, around: Around): InstanceGroup {
  group.knows(keys);
  refuseOldKeys(group);
  const name = group.text('name');
  const badName = canonicalNameFault(name);
  if (badName !== undefined) group.fault('name', badName);
  const instances = group.integer('instances', { min: 0 });
  const azs = readAzs(group);
  const update = group.optionalSection('update') ?? group.below(['update'], {});
  return {
    name,
    canonicalName: canonicalName(name),
    lifecycle: group.choice('lifecycle', ['service', 'errand'], 'service', codes.badLifecycle),
    azs,
    instances,
    jobs: readJobs(group, around),
    stemcell: readStemcell(group, around),
    vm: readVm(group),
    vmExtensions: group.texts('vm_extensions'),
    env: group.freeMap('env'),
    persistentDisk: readDisk(group),
    networks: parseGroupNetworks(group, instances),
    update: parseUpdatePolicy(update, around.options, around.update),
    migratedFrom: readMigratedFrom(group, azs),
    ...readStates(group, name, around.options),
    tags: readTags(group),
  };
}

function refuseOldKeys(group: Section): void {
  const old = (key: string, boshCode: number, instead: string) => {
    if (!group.has(key)) return;
    group.fault(key, { message: `"${key}" belongs to an older manifest`, boshCode, suggestion: `use "${instead}"` });
  };
  old('template', codes.templates, 'jobs');
  old('templates', codes.templates, 'jobs');
  old('resource_pool', codes.resourcePool, 'vm_type');
  old('persistent_disk_pool', codes.diskPool, 'persistent_disk_type');
}

function readAzs(group: Section): string[] | null {
  if (!group.has('azs')) return null;
  if (Array.isArray(group.raw('azs')) && group.list('azs').length === 0) {
    group.fault('azs', {
      message: 'the list of AZs is empty',
      boshCode: codes.noAzs,
      suggestion: 'name at least one, or leave "azs" out',
    });
    return [];
  }
  return group.texts('azs', codes.badAz);
}

function readJobs(group: Section, around: Around): JobReference[] {
  const inherited = mergeProperties(around.properties, group.freeMap('properties'));
  if (group.has('properties')) {
    group.warn('properties', {
      message: 'properties of an instance group are deprecated',
      suggestion: 'put them into its jobs',
    });
  }
  const seen = new Set<string>();
  return group.sections('jobs').map((section) => {
    const job = readJob(section, around, inherited);
    if (job.name !== '' && seen.has(job.name)) {
      section.fault('name', { message: `the group has a job "${job.name}" already`, boshCode: codes.repeatedJob });
    }
    seen.add(job.name);
    return job;
  });
}

function readJob(job: Section, { releases }: Around, inherited: YamlMap): JobReference {
  job.knows(['name', 'release', 'properties', 'provides', 'consumes', 'custom_provider_definitions']);
  const release = job.text('release');
  if (release !== '' && !releases.has(release)) {
    job.fault('release', {
      message: `the manifest's "releases" have no "${release}"`,
      boshCode: codes.unknownRelease,
      ...didYouMean(release, releases),
    });
  }
  return {
    name: job.text('name'),
    release,
    properties: job.has('properties') ? job.freeMap('properties') : inherited,
    provides: readProvides(job),
    consumes: readConsumes(job),
    customProviders: readCustomProviders(job),
  };
}

function readStemcell(group: Section, { stemcells }: Around): string {
  const alias = group.text('stemcell');
  if (alias !== '' && !stemcells.has(alias)) {
    group.fault('stemcell', {
      message: `the manifest's "stemcells" have no alias "${alias}"`,
      boshCode: codes.unknownStemcell,
      ...didYouMean(alias, stemcells),
    });
  }
  return alias;
}

function readVm(group: Section): VmWish {
  const vmType = group.optionalText('vm_type');
  const resources = group.optionalSection('vm_resources');
  if (vmType !== null && resources !== null) {
    const message = 'it has either "vm_type" or "vm_resources", not both';
    group.fault('vm_resources', { message, boshCode: codes.badVm });
  }
  if (vmType === null && resources === null && !group.has('resource_pool')) {
    const message = 'it needs "vm_type" or "vm_resources"';
    group.fault(null, { message, boshCode: codes.badVm, ...group.misspelt(['vm_type', 'vm_resources'], keys) });
  }
  return resources === null ? { kind: 'type', vmType: vmType ?? '' } : readVmResources(resources);
}

function readDisk(group: Section): DiskWish {
  const given = ['persistent_disk', 'persistent_disk_type', 'persistent_disks'].filter((key) => group.has(key));
  const [key, another] = given;
  if (another !== undefined) {
    group.fault(another, { message: `it has either "${key}" or "${another}", not both`, boshCode: codes.badDisk });
  }
  switch (key) {
    case 'persistent_disk': {
      const sizeMib = group.optionalInteger(key, { min: 0, boshCode: codes.badDisk }) ?? 0;
      return sizeMib > 0 ? { kind: 'size', sizeMib } : { kind: 'none' };
    }
    case 'persistent_disk_type':
      return { kind: 'type', diskType: group.text(key) };
    case 'persistent_disks':
      return readNamedDisks(group);
    default:
      return { kind: 'none' };
  }
}

function readNamedDisks(group: Section): DiskWish {
  const seen = new Set<string>();
  const disks = group.optionalSections('persistent_disks').map((disk) => {
    disk.knows(['name', 'type']);
    const name = disk.text('name');
    const fault = name.trim() === '' ? 'a disk needs a name' : seen.has(name) ? `there are two disks "${name}"` : null;
    if (fault !== null && disk.has('name')) disk.fault('name', { message: fault, boshCode: codes.badDisk });
    seen.add(name);
    return { name, diskType: disk.text('type') };
  });
  return disks.length === 0 ? { kind: 'none' } : { kind: 'named', disks };
}

function readMigratedFrom(group: Section, azs: readonly string[] | null): MigratedFrom[] {
  return group.optionalSections('migrated_from').map((section) => {
    section.knows(['name', 'az']);
    const az = section.optionalText('az');
    if (az !== null && !(azs ?? []).includes(az)) {
      section.fault('az', {
        message: `the group itself isn't in AZ "${az}"`,
        boshCode: codes.badMigration,
        ...didYouMean(az, azs ?? []),
      });
    }
    return { name: section.text('name'), az };
  });
}

/** The manifest's, and over them those that a start or stop asks for. */
function readStates(
  group: Section,
  name: string,
  options: ManifestOptions,
): Pick<InstanceGroup, 'state' | 'instanceStates'> {
  const override = options.states?.[name] ?? options.states?.['*'] ?? {};
  const text = group.optionalText('state');
  const state = states.find((known) => known === text);
  if (text !== null && state === undefined) {
    group.fault('state', {
      message: `"${text}" is none of ${states.join(', ')}`,
      boshCode: codes.badState,
      ...didYouMean(text, states),
    });
  }
  const instanceStates = new Map<string, WantedState>();
  for (const [instance, value] of group.entries('instance_states')) {
    const known = states.find((candidate) => candidate === value);
    if (known !== undefined) instanceStates.set(instance, known);
    else {
      group.below(['instance_states'], {}).fault(instance, {
        message: `the state of ${name}/${instance} is none of ${states.join(', ')}`,
        boshCode: codes.badInstanceState,
      });
    }
  }
  for (const [instance, wanted] of Object.entries(override.instanceStates ?? {})) instanceStates.set(instance, wanted);
  return { state: override.state ?? state ?? null, instanceStates };
}
