import type { Addon } from './addon.ts';
import type { InstanceGroup } from './instance-group.ts';
import type { UpdatePolicy } from './update-policy.ts';
import type { YamlMap } from './value.ts';
import type { VariableDefinition } from './variables.ts';

/** A deployment manifest, version 2, checked by itself; `checkAgainst` checks it against a cloud config. */
export interface DeploymentManifest {
  name: string;
  releases: readonly ReleaseReference[];
  stemcells: readonly StemcellReference[];
  update: UpdatePolicy;
  instanceGroups: readonly InstanceGroup[];
  addons: readonly Addon[];
  /** The deprecated global ones, already merged into the jobs'. */
  properties: YamlMap;
  variables: readonly VariableDefinition[];
  features: Features;
  tags: Readonly<Record<string, string>>;
}

export interface ReleaseReference {
  name: string;
  /** May be `latest` or end in `.latest`. */
  version: string;
  exportedFrom: readonly { os: string; version: string }[];
  /** For the CLI alone: where it uploads the release from. */
  url: string | null;
  sha1: string | null;
}

/** By `os` alone: every stemcell of that OS and version, one per CPI. By `name`: that one. */
export interface StemcellReference {
  alias: string;
  os: string | null;
  name: string | null;
  version: string;
}

/** Null: the manifest is silent and the director's setting decides. */
export interface Features {
  useDnsAddresses: boolean | null;
  useShortDnsAddresses: boolean | null;
  useLinkDnsNames: boolean;
  randomizeAzPlacement: boolean;
  convergeVariables: boolean;
  useTmpfsConfig: boolean | null;
}
