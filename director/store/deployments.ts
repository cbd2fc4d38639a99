import type { DeploymentName, TaskId } from '../../common/ids.ts';

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

/** Which versions a manifest's `latest` stood for: of releases by name, of stemcells by alias. */
export interface ChosenVersions {
  releases: Readonly<Record<string, string>>;
  stemcells: Readonly<Record<string, string>>;
}

/** A deploy that succeeded. */
export interface PastDeploy {
  taskId: TaskId;
  atMs: number;
  user: string;
  cloudConfigIds: number[];
  runtimeConfigIds: number[];
  versions: ChosenVersions;
}

export interface Deployments {
  /** By name. */
  list(): Promise<Deployment[]>;
  /** Without what is large: manifests, releases, stemcells. */
  names(): Promise<Array<Pick<Deployment, 'name' | 'teams'>>>;
  get(name: string): Promise<Deployment | undefined>;
  /** Existing: returned as it is. */
  create(name: DeploymentName, teams: string[], nowMs: number): Promise<Deployment>;
  /**
   * What a successful deploy leaves. Releases and stemcells replace the former lists. It becomes the newest of the past
   * deploys, of which the last ten that differ are kept; the same deploy again takes the place of the one before.
   */
  deployed(
    name: string,
    what: {
      manifest: string;
      cloudConfigIds: readonly number[];
      runtimeConfigIds: readonly number[];
      releases: ReadonlyArray<{ name: string; version: string }>;
      stemcells: ReadonlyArray<{ name: string; version: string }>;
      deploy: Pick<PastDeploy, 'taskId' | 'atMs' | 'user' | 'versions'>;
    },
  ): Promise<void>;
  /** Newest first: the first is what the deployment was after its last success. */
  pastDeploys(name: string): Promise<PastDeploy[]>;
  pastManifest(name: string, taskId: TaskId): Promise<string | undefined>;
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
