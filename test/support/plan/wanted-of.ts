import { id } from '../../../common/ids.ts';
import { checkAgainst } from '../../../manifests/check-against.ts';
import type { CloudConfig } from '../../../manifests/cloud-config.ts';
import type { DeploymentManifest } from '../../../manifests/deployment-manifest.ts';
import type { InstanceGroup } from '../../../manifests/instance-group.ts';
import { parseCloudConfig } from '../../../manifests/parse/cloud-config.ts';
import { parseDeploymentManifest } from '../../../manifests/parse/deployment-manifest.ts';
import { isMap, type YamlMap, type YamlValue } from '../../../manifests/value.ts';
import { documentOf } from '../../../manifests/yaml.ts';
import type { DeployOptions, WantedDeployment, WantedDisk } from '../../../director/plan/wanted.ts';
import { isJob, stemcell, wantedJob } from './catalog.ts';

/** Two AZs, one network over both: what a case gives replaces whole keys of it. */
const cloudDefaults: YamlMap = {
  azs: ['z1', 'z2', 'z3'].map((name) => ({ name, cloud_properties: { zone: name } })),
  networks: [{ name: 'default', subnets: [{ range: '10.0.0.0/24', gateway: '10.0.0.1', azs: ['z1', 'z2', 'z3'] }] }],
  vm_types: [
    { name: 'small', cloud_properties: { cpu: 1 } },
    { name: 'large', cloud_properties: { cpu: 8 } },
  ],
  disk_types: [
    { name: '1G', disk_size: 1024 },
    { name: '2G', disk_size: 2048 },
    { name: '1G-fast', disk_size: 1024, cloud_properties: { fast: true } },
  ],
  compilation: { workers: 1, network: 'default', az: 'z1', vm_type: 'small' },
};

const manifestDefaults: YamlMap = {
  name: 'site',
  releases: [{ name: 'app', version: '1' }],
  stemcells: [{ alias: 'default', os: 'tiny-os', version: '1' }],
  update: { canaries: 1, max_in_flight: 2, canary_watch_time: '1-2', update_watch_time: '1-2' },
};

const groupDefaults: YamlMap = {
  instances: 1,
  azs: ['z1', 'z2'],
  vm_type: 'small',
  stemcell: 'default',
  networks: [{ name: 'default' }],
};

/** A manifest with what every case would repeat filled in; a group without jobs runs the job of its name. */
export function manifestOf(given: YamlMap): YamlMap {
  const groups = Array.isArray(given['instance_groups']) ? given['instance_groups'] : [];
  return { ...manifestDefaults, ...given, instance_groups: groups.map(groupOf) };
}

function groupOf(given: YamlValue): YamlValue {
  if (!isMap(given) || typeof given['name'] !== 'string') throw new Error('an instance group is a map with a name');
  const { name } = given;
  const jobs = [{ name: isJob(name) ? name : 'web', release: 'app' }];
  const group: YamlMap = { ...groupDefaults, jobs, ...given };
  // `azs: null` is how a case says that the group has none.
  return Object.fromEntries(Object.entries(group).filter(([, value]) => value !== null));
}

/** What deploy/resolve.ts makes of manifest and cloud config, without store and infrastructure. */
export function wantedOf(
  manifestYaml: YamlMap,
  cloudYaml: YamlMap,
  { firstDeploy = false }: { firstDeploy?: boolean } = {},
): WantedDeployment {
  const document = documentOf(manifestOf(manifestYaml));
  const { value: manifest } = parseDeploymentManifest(document);
  const { value: cloud } = parseCloudConfig([documentOf({ ...cloudDefaults, ...cloudYaml })]);
  checkAgainst(manifest, cloud, document);
  return {
    name: id(manifest.name),
    directorName: 'test',
    groups: manifest.instanceGroups.map((group) => wantedGroup(group, manifest, cloud)),
    cloud,
    features: manifest.features,
    tags: manifest.tags,
    firstDeploy,
    dns: {
      domain: 'bosh',
      enabled: true,
      useAddresses: manifest.features.useDnsAddresses ?? false,
      useShort: manifest.features.useShortDnsAddresses ?? false,
      useLinkNames: manifest.features.useLinkDnsNames,
    },
  };
}

function wantedGroup(group: InstanceGroup, manifest: DeploymentManifest, cloud: CloudConfig) {
  const version = (release: string) => manifest.releases.find(({ name }) => name === release)?.version ?? '1';
  const chosen = manifest.stemcells.find(({ alias }) => alias === group.stemcell);
  return {
    group,
    jobs: group.jobs.map((reference) => wantedJob(reference, version(reference.release))),
    stemcells: new Map([['', stemcell(chosen?.version ?? '1')]]),
    stemcellAlias: group.stemcell,
    vmProperties: group.vm.kind === 'type' ? (cloud.vmTypes.get(group.vm.vmType)?.cloudProperties ?? {}) : {},
    extensionProperties: group.vmExtensions.map((name) => cloud.vmExtensions.get(name)?.cloudProperties ?? {}),
    disks: wantedDisks(group, cloud),
  };
}

function wantedDisks({ persistentDisk: wish }: InstanceGroup, cloud: CloudConfig): WantedDisk[] {
  const typed = (name: string, diskType: string): WantedDisk => {
    const type = cloud.diskTypes.get(diskType);
    return { name, sizeMib: type?.sizeMib ?? 0, cloudProperties: type?.cloudProperties ?? {} };
  };
  const disks: Record<typeof wish.kind, () => WantedDisk[]> = {
    none: () => [],
    size: () => (wish.kind === 'size' ? [{ name: '', sizeMib: wish.sizeMib, cloudProperties: {} }] : []),
    type: () => (wish.kind === 'type' ? [typed('', wish.diskType)] : []),
    named: () => (wish.kind === 'named' ? wish.disks.map(({ name, diskType }) => typed(name, diskType)) : []),
  };
  return disks[wish.kind]().filter(({ sizeMib }) => sizeMib > 0);
}

export function optionsOf(given: Partial<DeployOptions> = {}): DeployOptions {
  return {
    dryRun: false,
    recreate: false,
    recreateCreatedBeforeMs: null,
    recreatePersistentDisks: false,
    snapshots: false,
    disksInPlace: { resize: false, update: false },
    fix: false,
    skipDrain: [],
    canaries: null,
    maxInFlight: null,
    states: [],
    ...given,
  };
}
