import { isDeepStrictEqual } from 'node:util';
import { InvalidInput, type Fault } from '../../common/errors.ts';
import { id, type DeploymentName } from '../../common/ids.ts';
import { addonApplies } from '../../manifests/addon-placement.ts';
import type { Addon } from '../../manifests/addon.ts';
import type { CloudConfig, CompilationVm } from '../../manifests/cloud-config.ts';
import type { DeploymentManifest, Features } from '../../manifests/deployment-manifest.ts';
import type { InstanceGroup, JobReference } from '../../manifests/instance-group.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { VariableDefinition } from '../../manifests/variables.ts';
import type { DnsSettings, LocalDns } from '../dns/local-dns.ts';
import type { Cpis } from '../execute/cpis.ts';
import type { WantedDeployment, WantedDisk, WantedDns, WantedGroup, WantedJob } from '../plan/wanted.ts';
import type { ChosenVersions } from '../store/deployments.ts';
import type { ReleaseContents } from '../store/releases.ts';
import type { Store } from '../store/store.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { JobLibrary } from './job-library.ts';
import { chosenVersions, withVersions } from './chosen-versions.ts';
import { CollectedFaults } from './collected-faults.ts';
import { readTexts } from './read-texts.ts';
import { resolveJobs, type GroupJobs } from './resolve-jobs.ts';
import { resolveReleases } from './resolve-releases.ts';
import { resolveStemcells, type StemcellSet } from './stemcells.ts';
import type { DeployVariables } from './variables/deploy-variables.ts';
import { fillDocuments } from './variables/documents.ts';
import { generateVariables } from './variables/generate.ts';

export interface ResolveDeps {
  store: Store;
  cpis: Cpis;
  jobs: JobLibrary;
  directorName: string;
  dns: Pick<LocalDns, 'settings'>;
  variables: DeployVariables;
  task: TaskContext;
}

export interface DeploymentTexts {
  manifest: string;
  cloudConfigs: readonly string[];
  runtimeConfigs: readonly string[];
  teams: readonly string[];
  firstDeploy: boolean;
  /** What `latest` stands for; undefined: the newest that there is. */
  versions?: ChosenVersions | undefined;
}

export interface Resolved {
  wanted: WantedDeployment;
  /** What the manifest's `latest` turned out to be. */
  releases: Array<{ name: string; version: string }>;
  stemcells: Array<{ name: string; version: string }>;
  /** The same by what the manifest names. */
  versions: ChosenVersions;
  exportedFrom: ReadonlyMap<string, ReadonlyArray<{ os: string; version: string }>>;
  /** For machines that compile. */
  compilationProperties: YamlMap;
  /** Those of the manifest, then those of runtime configs. */
  variables: readonly VariableDefinition[];
  warnings: readonly string[];
  /** What it was made of, to see whether that is still so. */
  named: Named;
  found: Found;
}

/** What tells which releases and stemcells there have to be. */
type Named = Pick<DeploymentTexts, 'teams'> & { manifest: DeploymentManifest; runtime: RuntimeConfig };

interface Found {
  stemcellSets: ReadonlyMap<string, StemcellSet>;
  releases: ReadonlyMap<string, ReleaseContents>;
}

/** Looks up everything that a manifest names. Reads only. @throws OperatorError with all faults, of everything that can be checked without the others */
export async function resolve(texts: DeploymentTexts, deps: ResolveDeps): Promise<Resolved> {
  const faults = new CollectedFaults();
  const { variables, task } = deps;
  const read = await readTexts(texts, faults, (documents) =>
    fillDocuments(documents, variables, (definitions, options) =>
      generateVariables(definitions, variables, options, task),
    ),
  );
  const { manifest, cloud, runtime } = withVersions(read, texts.versions);
  const named = { manifest, runtime, teams: texts.teams };
  const { groups, stemcellSets, releases } = await lookUp(named, { store: deps.store, faults });
  const wantedJobs = await resolveJobs(groups, { releases, jobs: deps.jobs, faults });
  faults.warn(wantedJobs.warnings);
  faults.throwIfAny(`deployment "${manifest.name}"`);
  if (cloud === undefined) throw new Error('a cloud config was not read, and nothing was wrong with it');

  const wantedGroups: WantedGroup[] = [];
  for (const { group } of groups) {
    const jobs = wantedJobs.byGroup.get(group.name) ?? [];
    wantedGroups.push(await resolveGroup(group, jobs, { cloud, stemcellSets, deps }));
  }
  const used = [...releases.values()].map(({ release: { name, version } }) => ({ name, version }));
  return {
    wanted: {
      name: id<DeploymentName>(manifest.name),
      directorName: deps.directorName,
      groups: wantedGroups,
      cloud,
      features: manifest.features,
      tags: { ...runtime.tags, ...manifest.tags },
      firstDeploy: texts.firstDeploy,
      dns: wantedDns(manifest.features, deps.dns.settings),
    },
    releases: used,
    versions: chosenVersions(used, stemcellSets),
    stemcells: [...stemcellSets.values()].flatMap(({ names }) => names),
    exportedFrom: new Map(
      [...manifest.releases, ...runtime.releases].map(({ name, exportedFrom }) => [name, exportedFrom]),
    ),
    compilationProperties: await vmProperties(cloud.compilation.vm, cloud, cpiOf(cloud, cloud.compilation.az), deps),
    variables: variablesOf(manifest, runtime),
    warnings: faults.warnings,
    named,
    found: { stemcellSets, releases },
  };
}

function wantedDns(features: Features, { domain, enabled, useDnsAddresses }: DnsSettings): WantedDns {
  return {
    domain,
    enabled,
    useAddresses: features.useDnsAddresses ?? useDnsAddresses,
    useShort: features.useShortDnsAddresses ?? false,
    useLinkNames: features.useLinkDnsNames,
  };
}

/** @throws InvalidInput `variables-unusable` for a name that is there twice */
function variablesOf(manifest: DeploymentManifest, runtime: RuntimeConfig): VariableDefinition[] {
  const names = new Set(manifest.variables.map(({ name }) => name));
  const twice = runtime.variables.filter(({ name }) => names.has(name));
  if (twice.length === 0) return [...manifest.variables, ...runtime.variables];
  const message = 'the manifest and a runtime config both define it';
  const faults = twice.map(({ name }) => ({ path: `variables.${name}`, message }));
  const invalid = new InvalidInput('variables', faults, { code: 'variables-unusable' });
  invalid.details['boshCode'] = 190022;
  throw invalid;
}

/** A few queries: no CPI is called and no archive is opened for it. @throws InvalidInput when something is gone */
export async function isStillSo({ named, found }: Resolved, store: Store): Promise<boolean> {
  const faults = new CollectedFaults();
  const { stemcellSets, releases } = await lookUp(named, { store, faults });
  faults.throwIfAny(`deployment "${named.manifest.name}"`);
  return isDeepStrictEqual({ stemcellSets, releases }, found);
}

/** Which jobs each group has, addons included, and where they are from: no CPI is called and no archive is opened. */
export async function resolveGroups(
  texts: DeploymentTexts,
  { store, variables }: { store: Store; variables: DeployVariables },
): Promise<Found & { groups: GroupJobs[] }> {
  const faults = new CollectedFaults();
  const { manifest, runtime } = await readTexts(texts, faults, (documents) =>
    fillDocuments(documents, variables, () => Promise.resolve()),
  );
  const found = await lookUp({ manifest, runtime, teams: texts.teams }, { store, faults });
  faults.throwIfAny(`deployment "${manifest.name}"`);
  return found;
}

/** Finds releases and stemcells, and with them which jobs each group has; what is missing is among the faults. */
async function lookUp(
  { manifest, runtime, teams }: Named,
  { store, faults }: { store: Store; faults: CollectedFaults },
): Promise<Found & { groups: GroupJobs[] }> {
  const stemcellSets: Found['stemcellSets'] =
    (await faults.of(() => resolveStemcells(manifest.stemcells, store))) ?? new Map();
  const addons = [...manifest.addons, ...runtime.addons];
  const groups = manifest.instanceGroups.map((group) => ({
    group,
    jobs: [...group.jobs, ...addonJobs(group, addons, { manifest, teams, stemcellSets })],
  }));
  await faults.of(() => refuseTwice(groups));
  const allJobs = groups.flatMap(({ jobs }) => jobs);
  const releases = await resolveReleases({ manifest, runtime }, allJobs, { store, faults });
  return { groups, stemcellSets, releases };
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

function refuseTwice(groups: readonly GroupJobs[]): void {
  const faults = groups.flatMap(({ group, jobs }) => {
    const names = jobs.map(({ name }) => name);
    const added = names.slice(group.jobs.length); // of the others the manifest itself tells
    const twice = [...new Set(added.filter((name, i) => names.indexOf(name) !== group.jobs.length + i))];
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

interface GroupContext {
  cloud: CloudConfig;
  stemcellSets: ReadonlyMap<string, StemcellSet>;
  deps: ResolveDeps;
}

async function resolveGroup(
  group: InstanceGroup,
  jobs: readonly WantedJob[],
  { cloud, stemcellSets, deps }: GroupContext,
): Promise<WantedGroup> {
  const set = stemcellSets.get(group.stemcell);
  if (set === undefined) throw new Error(`stemcell alias "${group.stemcell}" was checked and is unknown`);
  return {
    group,
    jobs,
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

function cpiOf(cloud: CloudConfig, az: string | null): string {
  return (az === null ? null : cloud.azs.get(az)?.cpi) ?? '';
}

async function vmProperties(
  vm: CompilationVm,
  cloud: CloudConfig,
  cpi: string,
  { cpis, task }: ResolveDeps,
): Promise<YamlMap> {
  switch (vm.kind) {
    case 'type':
      return cloud.vmTypes.get(vm.vmType)?.cloudProperties ?? {};
    case 'properties':
      return vm.cloudProperties;
    case 'resources': {
      const { cpu, ramMib, ephemeralDiskMib } = vm;
      const resources = { cpu, ramMib, ephemeralDiskMib };
      return (await cpis.named(cpi, task).calculateVmCloudProperties(resources, task.signal)) as YamlMap; // JSON from the CPI
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
