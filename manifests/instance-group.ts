import type { CustomProvider, LinkConsumption, LinkProvision } from './links.ts';
import type { UpdatePolicy } from './update-policy.ts';
import type { YamlMap } from './value.ts';

export interface InstanceGroup {
  name: string;
  /** As in DNS: lower case, `-` for `_`. */
  canonicalName: string;
  lifecycle: 'service' | 'errand';
  /** Null: the group names none, and its networks mustn't either. Empty only in a draft. */
  azs: readonly string[] | null;
  instances: number;
  jobs: readonly JobReference[];
  /** The alias of one of the deployment's stemcells. */
  stemcell: string;
  vm: VmWish;
  vmExtensions: readonly string[];
  /** Holds placeholders still; they are filled in when the VM is made. */
  env: YamlMap;
  persistentDisk: DiskWish;
  networks: readonly GroupNetwork[];
  update: UpdatePolicy;
  migratedFrom: readonly MigratedFrom[];
  state: WantedState | null;
  /** By index or by id, as text. */
  instanceStates: ReadonlyMap<string, WantedState>;
  tags: Readonly<Record<string, string>>;
}

export type VmWish =
  { kind: 'type'; vmType: string } | { kind: 'resources'; cpu: number; ramMib: number; ephemeralDiskMib: number };

/** `named` disks are attached, and neither formatted nor mounted. A wish for 0 MiB is a wish for none. */
export type DiskWish =
  | { kind: 'none' }
  | { kind: 'size'; sizeMib: number }
  | { kind: 'type'; diskType: string }
  | { kind: 'named'; disks: readonly { name: string; diskType: string }[] };

export interface GroupNetwork {
  name: string;
  /** In the manifest's order, ranges written out; null: none given, an address is chosen. As many as `instances`. */
  staticIps: readonly string[] | null;
  defaultFor: readonly NetworkDefault[];
  nicGroup: number | null;
}

export type NetworkDefault = 'dns' | 'gateway' | 'addressable';

export interface MigratedFrom {
  name: string;
  az: string | null;
}

/** `detached` is what the CLI calls a hard stop; `recreate` and `restart` are acts, and end in `started`. */
export type WantedState = 'started' | 'stopped' | 'detached' | 'recreate' | 'restart';

export interface JobReference {
  name: string;
  release: string;
  /**
   * The job's own properties, which replace all others; where it has none, the group's merged over the deployment's.
   * Placeholders are still in them.
   */
  properties: YamlMap;
  provides: ReadonlyMap<string, LinkProvision>;
  consumes: ReadonlyMap<string, LinkConsumption>;
  customProviders: readonly CustomProvider[];
}
