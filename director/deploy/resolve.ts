import { InvalidInput, OperatorError, type Fault } from '../../common/errors.ts';
import { id, type DeploymentName } from '../../common/ids.ts';
import { didYouMean } from '../../common/suggest.ts';
import { resolveVersion } from '../../common/version.ts';
import { addonApplies } from '../../manifests/addon-placement.ts';
import type { Addon } from '../../manifests/addon.ts';
import { checkAgainst } from '../../manifests/check-against.ts';
import type { CloudConfig, CompilationVm } from '../../manifests/cloud-config.ts';
import type { DeploymentManifest, ReleaseReference } from '../../manifests/deployment-manifest.ts';
import type { InstanceGroup, JobReference } from '../../manifests/instance-group.ts';
import { parseCloudConfig } from '../../manifests/parse/cloud-config.ts';
import { parseDeploymentManifest } from '../../manifests/parse/deployment-manifest.ts';
import { parseRuntimeConfig } from '../../manifests/parse/runtime-config.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import type { YamlMap } from '../../manifests/value.ts';
import { readYaml } from '../../manifests/yaml.ts';
import type { Cpis } from '../execute/cpis.ts';
import type { WantedDeployment, WantedDisk, WantedGroup, WantedJob } from '../plan/wanted.ts';
import type { ReleaseContents } from '../store/releases.ts';
import type { Store } from '../store/store.ts';
import { jobProperties } from '../templates/job-properties.ts';
import type { JobLibrary } from './job-library.ts';
import { resolveStemcells, type StemcellSet } from './stemcells.ts';
import { refusePlaceholders } from './placeholders.ts';

export interface ResolveDeps {
  store: Store;
  cpis: Cpis;
  jobs: JobLibrary;
  directorName: string;
  domain: string;
  signal: AbortSignal;
}

export interface DeploymentTexts {
  manifest: string;
  cloudConfigs: readonly string[];
  runtimeConfigs: readonly string[];
  teams: readonly string[];
  firstDeploy: boolean;
}

export interface Resolved {
  wanted: WantedDeployment;
  /** What the manifest's `latest` turned out to be. */
  releases: Array<{ name: string; version: string }>;
  stemcells: Array<{ name: string; version: string }>;
  exportedFrom: ReadonlyMap<string, ReadonlyArray<{ os: string; version: string }>>;
  /** For machines that compile. */
  compilationProperties: YamlMap;
  warnings: string[];
}

/** Looks up everything that a manifest names. Reads only. @throws OperatorError with every fault of the step that found some */
export async function resolve(texts: DeploymentTexts, deps: ResolveDeps): Promise<Resolved> {
  const document = readYaml(texts.manifest, 'manifest');
  refusePlaceholders(document);
  const { value: manifest, warnings } = parseDeploymentManifest(document);
  const { value: cloud, warnings: cloudWarnings } = parseCloudConfig(
    texts.cloudConfigs.map((text) => readYaml(text, 'cloud config')),
  );
  const { value: runtime } = parseRuntimeConfig(texts.runtimeConfigs.map((text) => readYaml(text, 'runtime config')));
  checkAgainst(manifest, cloud, document);

  const stemcellSets = await resolveStemcells(manifest.stemcells, deps.store);
  const addons = [...manifest.addons, ...runtime.addons];
  const groups = manifest.instanceGroups.map((group) => ({
    group,
    jobs: [...group.jobs, ...addonJobs(group, addons, { manifest, teams: texts.teams, stemcellSets })],
  }));
  refuseTwice(groups);
  const releases = await resolveReleases(
    manifest,
    runtime,
    groups.flatMap(({ jobs }) => jobs),
    deps.store,
  );
  const wantedGroups: WantedGroup[] = [];
  for (const { group, jobs } of groups) {
    wantedGroups.push(await resolveGroup(group, jobs, { cloud, releases, stemcellSets, deps }));
  }
  return {
    wanted: {
      name: id<DeploymentName>(manifest.name),
      directorName: deps.directorName,
      groups: wantedGroups,
      cloud,
      features: manifest.features,
      tags: { ...runtime.tags, ...manifest.tags },
      firstDeploy: texts.firstDeploy,
      domain: deps.domain,
    },
    releases: [...releases.values()].map(({ release: { name, version } }) => ({ name, version })),
    stemcells: [...stemcellSets.values()].flatMap(({ names }) => names),
    exportedFrom: new Map(
      [...manifest.releases, ...runtime.releases].map(({ name, exportedFrom }) => [name, exportedFrom]),
    ),
    compilationProperties: await vmProperties(cloud.compilation.vm, cloud, cpiOf(cloud, cloud.compilation.az), deps),
    warnings: [...warnings, ...cloudWarnings].map(
      ({ path, message, suggestion }) => `${path}: ${message}${suggestion === undefined ? '' : ` (${suggestion})`}`,
    ),
  };
}

function addonJobs(
  group: InstanceGroup,
  addons: readonly Addon[],
  {
    manifest,
    teams,
    stemcellSets,
  }: { manifest: DeploymentManifest; teams: readonly string[]; stemcellSets: ReadonlyMap<string, StemcellSet> },
): JobReference[] {
  const stemcellOs = stemcellSets.get(group.stemcell)?.os ?? null;
  const candidate = { deployment: manifest.name, teams, group: { ...group, stemcellOs } };
  return addons.filter((addon) => addonApplies(addon, candidate)).flatMap(({ jobs }) => jobs);
}

function refuseTwice(groups: ReadonlyArray<{ group: InstanceGroup; jobs: readonly JobReference[] }>): void {
  const faults = groups.flatMap(({ group, jobs }) => {
    const names = jobs.map(({ name }) => name);
    const twice = [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
    return twice.map((name): Fault => ({
      path: `instance_groups.${group.name}`,
      message: `Colocated job '${name}' is already added to the instance group '${group.name}'.`,
    }));
  });
  if (faults.length > 0)
    throw new InvalidInput('addons', faults, {
      code: 'job-colocated-twice',
      hint: 'Exclude the group from the addon, or take the job out of the group.',
    });
}

/** The releases that some job uses, with what they hold, by name. */
async function resolveReleases(
  manifest: DeploymentManifest,
  runtime: RuntimeConfig,
  jobs: readonly JobReference[],
  store: Store,
): Promise<Map<string, ReleaseContents>> {
  const used = new Set(jobs.map(({ release }) => release));
  const references = new Map<string, ReleaseReference>();
  for (const reference of runtime.releases) if (used.has(reference.name)) references.set(reference.name, reference);
  for (const reference of manifest.releases) {
    const other = references.get(reference.name);
    if (other !== undefined && other.version !== reference.version) {
      throw new OperatorError(
        `release "${reference.name}" is version ${reference.version} in the manifest and ${other.version} in a runtime config`,
        {
          code: 'release-versions-conflict',
          hint: 'Use the same version in both.',
          details: { boshCode: 530003, release: reference.name },
        },
      );
    }
    references.set(reference.name, reference);
  }
  const found = new Map<string, ReleaseContents>();
  const faults: Fault[] = [];
  let boshCode = 30006;
  for (const { name, version } of references.values()) {
    const versions = await store.releases.versions(name);
    const chosen = resolveVersion(version, versions);
    const contents = chosen === undefined ? undefined : await store.releases.contents(name, chosen);
    if (contents !== undefined) found.set(name, contents);
    else if (versions.length === 0) {
      boshCode = 30005;
      const names = (await store.releases.list()).map((release) => release.name);
      faults.push({ path: `releases.${name}`, message: `Release '${name}' doesn't exist`, ...didYouMean(name, names) });
    } else
      faults.push({
        path: `releases.${name}.version`,
        message: `Release version '${name}/${version}' doesn't exist; there are ${versions.join(', ')}`,
      });
  }
  if (faults.length === 0) return found;
  const invalid = new InvalidInput('releases', faults, {
    code: 'release-missing',
    hint: 'Upload it with `bosh upload-release`; `bosh releases` lists what is there.',
  });
  invalid.details['boshCode'] = boshCode;
  throw invalid;
}

interface GroupContext {
  cloud: CloudConfig;
  releases: ReadonlyMap<string, ReleaseContents>;
  stemcellSets: ReadonlyMap<string, StemcellSet>;
  deps: ResolveDeps;
}

async function resolveGroup(
  group: InstanceGroup,
  jobs: readonly JobReference[],
  context: GroupContext,
): Promise<WantedGroup> {
  const { cloud, stemcellSets, deps } = context;
  const set = stemcellSets.get(group.stemcell);
  if (set === undefined) throw new Error(`stemcell alias "${group.stemcell}" was checked and is unknown`);
  return {
    group,
    jobs: await Promise.all(jobs.map((reference) => resolveJob(group, reference, context))),
    stemcells: set.byCpi,
    stemcellAlias: group.stemcell,
    vmProperties: await vmProperties(
      group.vm.kind === 'type' ? { kind: 'type', vmType: group.vm.vmType } : group.vm,
      cloud,
      cpiOf(cloud, group.azs?.[0] ?? null),
      deps,
    ),
    extensionProperties: group.vmExtensions.map((name) => cloud.vmExtensions.get(name)?.cloudProperties ?? {}),
    disks: wantedDisks(group, cloud),
  };
}

async function resolveJob(
  group: InstanceGroup,
  reference: JobReference,
  { releases, deps }: GroupContext,
): Promise<WantedJob> {
  const contents = releases.get(reference.release);
  const job = contents?.jobs.find(({ name }) => name === reference.name);
  if (contents === undefined || job === undefined) {
    throw new OperatorError(
      `instance group ${group.name}: release "${reference.release}" has no job "${reference.name}"`,
      {
        code: 'job-missing',
        hint:
          didYouMean(reference.name, contents?.jobs.map(({ name }) => name) ?? []).suggestion ??
          '`bosh inspect-release NAME/VERSION` lists its jobs.',
        details: { boshCode: 140029, release: reference.release, job: reference.name },
      },
    );
  }
  const { spec } = await deps.jobs.load(job);
  return {
    name: reference.name,
    release: { name: contents.release.name, version: contents.release.version },
    job,
    packages: new Map(contents.packages.map((pkg) => [pkg.name, pkg])),
    properties: jobProperties(reference.name, spec.properties, reference.properties),
    givenProperties: reference.properties,
    provides: reference.provides,
    consumes: reference.consumes,
    customProviders: reference.customProviders,
  };
}

function cpiOf(cloud: CloudConfig, az: string | null): string {
  return (az === null ? null : cloud.azs.get(az)?.cpi) ?? '';
}

async function vmProperties(
  vm: CompilationVm,
  cloud: CloudConfig,
  cpi: string,
  { cpis, signal }: ResolveDeps,
): Promise<YamlMap> {
  switch (vm.kind) {
    case 'type':
      return cloud.vmTypes.get(vm.vmType)?.cloudProperties ?? {};
    case 'properties':
      return vm.cloudProperties;
    case 'resources': {
      const { cpu, ramMib, ephemeralDiskMib } = vm;
      return (await cpis.named(cpi).calculateVmCloudProperties({ cpu, ramMib, ephemeralDiskMib }, signal)) as YamlMap; // JSON from the CPI
    }
  }
}

function wantedDisks({ persistentDisk }: InstanceGroup, cloud: CloudConfig): WantedDisk[] {
  const ofType = (name: string, diskType: string): WantedDisk[] => {
    const type = cloud.diskTypes.get(diskType);
    return type === undefined || type.sizeMib === 0
      ? []
      : [{ name, sizeMib: type.sizeMib, cloudProperties: type.cloudProperties }];
  };
  switch (persistentDisk.kind) {
    case 'none':
      return [];
    case 'size':
      return persistentDisk.sizeMib === 0 ? [] : [{ name: '', sizeMib: persistentDisk.sizeMib, cloudProperties: {} }];
    case 'type':
      return ofType('', persistentDisk.diskType);
    case 'named':
      return persistentDisk.disks.flatMap(({ name, diskType }) => ofType(name, diskType));
  }
}
