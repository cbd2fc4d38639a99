import type { YamlMap } from '../../manifests/value.ts';
import type { DiffLine } from './contract/deployments.ts';

/** How two documents differ, as lines to show. */
export type DiffDocuments = (before: YamlMap, after: YamlMap, options: { redact: boolean }) => DiffLine[];

/** A manifest and what it is deployed with. */
export interface DeploymentDocuments {
  manifest: YamlMap;
  cloudConfigs: readonly YamlMap[];
  runtimeConfigs: readonly YamlMap[];
}

/** How two deployments differ; `before` null: there is none yet. */
export type DiffDeployments = (
  before: DeploymentDocuments | null,
  after: DeploymentDocuments,
  options: { redact: boolean; teams: readonly string[] },
) => Promise<DiffLine[]>;
