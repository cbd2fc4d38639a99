import type { DeploymentName, StemcellCid } from '../../common/ids.ts';
import type { CloudConfig } from '../../manifests/cloud-config.ts';
import type { Features } from '../../manifests/deployment-manifest.ts';
import type { InstanceGroup, WantedState } from '../../manifests/instance-group.ts';
import type { CustomProvider, LinkConsumption, LinkProvision } from '../../manifests/links.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { ReleaseJob, ReleasePackage } from '../store/releases.ts';

/**
 * What shall be: the manifest with everything that it names looked up. Made by deploy/resolve.ts; nothing in it
 * refers to what is.
 */
export interface WantedDeployment {
  name: DeploymentName;
  /** For names of groups, which CPIs see. */
  directorName: string;
  groups: readonly WantedGroup[];
  cloud: CloudConfig;
  features: Features;
  tags: Readonly<Record<string, string>>;
  /** It has never been deployed with success. */
  firstDeploy: boolean;
  dns: WantedDns;
}

/** How instances are named, and whether others are told names or addresses. */
export interface WantedDns {
  /** Root of all names: `bosh`. */
  domain: string;
  /** Machines are told each other's names. */
  enabled: boolean;
  /** Links and `spec.address` give names. */
  useAddresses: boolean;
  useShort: boolean;
  /** Names are of links, not of instance groups. */
  useLinkNames: boolean;
}

export interface WantedGroup {
  group: InstanceGroup;
  jobs: readonly WantedJob[];
  /** By CPI name; `''` where there is only one. */
  stemcells: ReadonlyMap<string, WantedStemcell>;
  stemcellAlias: string;
  /** What the VM type, or the wished resources, give. */
  vmProperties: YamlMap;
  /** What each VM extension gives, in order. */
  extensionProperties: readonly YamlMap[];
  disks: readonly WantedDisk[];
}

export interface WantedJob {
  name: string;
  release: { name: string; version: string };
  job: ReleaseJob;
  /** Packages of its release by name, for what it needs and what they depend on. */
  packages: ReadonlyMap<string, ReleasePackage>;
  /** Those of its spec, with defaults, and the manifest's values; what its templates see. */
  properties: YamlMap;
  /** As the manifest has them, for links whose providers give properties that are in no spec. */
  givenProperties: YamlMap;
  provides: ReadonlyMap<string, LinkProvision>;
  consumes: ReadonlyMap<string, LinkConsumption>;
  customProviders: readonly CustomProvider[];
}

export interface WantedStemcell {
  name: string;
  version: string;
  os: string;
  cid: StemcellCid;
  apiVersion: number | null;
}

export interface WantedDisk {
  /** Empty: the one that is mounted at /var/vcap/store. Others are attached and left to the jobs. */
  name: string;
  sizeMib: number;
  cloudProperties: YamlMap;
}

export interface DisksInPlace {
  /** Growing it. */
  resize: boolean;
  /** Any change of its size or cloud properties. */
  update: boolean;
}

/** What the operator asks of a deploy besides the manifest. */
export interface DeployOptions {
  dryRun: boolean;
  /** Replace every VM. */
  recreate: boolean;
  /** With `recreate`: only VMs that are older. */
  recreateCreatedBeforeMs: number | null;
  recreatePersistentDisks: boolean;
  /** What an infrastructure is asked to do to a disk itself, instead of data being copied to a new one. */
  disksInPlace: DisksInPlace;
  /** Whether disks are snapshotted before an instance is changed. */
  snapshots: boolean;
  /** An agent that doesn't answer is a reason to replace its VM, not to fail. */
  fix: boolean;
  /** Group names, or all. */
  skipDrain: 'all' | readonly string[];
  canaries: string | null;
  maxInFlight: string | null;
  /** State that `bosh start, stop, restart, recreate` ask for: by group name and, if given, index or id. */
  states: readonly StateWish[];
  /** Groups of errands get their machines now, for one is about to run. */
  runsErrands?: true;
}

export interface StateWish {
  /** Null: every group. */
  group: string | null;
  /** Index or id as text; null: every instance. */
  instance: string | null;
  state: WantedState;
}
