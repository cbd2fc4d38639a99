import type { DeploymentName } from '../../common/ids.ts';

export interface Deployment {
  id: number;
  name: DeploymentName;
  /** As it was given, placeholders and all; null until the first deploy has succeeded. */
  manifest: string | null;
  teams: string[];
  /** Ids of the configs that it was last deployed with. */
  cloudConfigIds: number[];
  runtimeConfigIds: number[];
  releases: Array<{ name: string; version: string }>;
  stemcells: Array<{ name: string; version: string }>;
  createdAtMs: number;
}

export interface Deployments {
  /** By name. */
  list(): Promise<Deployment[]>;
  get(name: string): Promise<Deployment | undefined>;
  /** Existing: returned as it is. */
  create(name: DeploymentName, teams: string[], nowMs: number): Promise<Deployment>;
  /** What a successful deploy leaves. Releases and stemcells replace the former lists. */
  deployed(
    name: string,
    what: {
      manifest: string;
      cloudConfigIds: readonly number[];
      runtimeConfigIds: readonly number[];
      releases: ReadonlyArray<{ name: string; version: string }>;
      stemcells: ReadonlyArray<{ name: string; version: string }>;
    },
  ): Promise<void>;
  /** Adds what a deploy under way uses, so that nobody deletes it meanwhile. */
  uses(
    name: string,
    what: {
      releases: ReadonlyArray<{ name: string; version: string }>;
      stemcells: ReadonlyArray<{ name: string; version: string }>;
    },
  ): Promise<void>;
  /** @throws when instances of it are left */
  delete(name: string): Promise<void>;
}
