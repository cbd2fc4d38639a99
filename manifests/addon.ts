import type { CustomProvider, LinkConsumption, LinkProvision } from './links.ts';
import type { YamlMap } from './value.ts';

/** Jobs that are put on every instance group that the filters admit. */
export interface Addon {
  name: string;
  jobs: readonly AddonJob[];
  include: AddonFilter;
  exclude: AddonFilter;
}

export interface AddonJob {
  name: string;
  release: string;
  /** The job's own, else the addon's. Unlike an instance group's job, never the deployment's global ones. */
  properties: YamlMap;
  provides: ReadonlyMap<string, LinkProvision>;
  consumes: ReadonlyMap<string, LinkConsumption>;
  customProviders: readonly CustomProvider[];
}

/** An empty list admits everything; entries of one list are alternatives, the lists are all asked for. */
export interface AddonFilter {
  deployments: readonly string[];
  jobs: readonly { name: string; release: string }[];
  instanceGroups: readonly string[];
  stemcellOses: readonly string[];
  networks: readonly string[];
  teams: readonly string[];
  azs: readonly string[];
  lifecycle: string | null;
}
