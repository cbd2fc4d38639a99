import type { YamlMap } from './value.ts';

/** An entry of `variables:`: a credential that the config server makes when it isn't there yet. */
export interface VariableDefinition {
  /** Relative to the deployment, or absolute with a leading slash. */
  name: string;
  type: string;
  options: YamlMap;
  /** Certificates only: links whose address becomes a name in the certificate. */
  consumes: readonly VariableLink[];
  /** Null: `converge` if the feature converge_variables is on, else `no-overwrite`. */
  updateMode: string | null;
  updateStrategy: 'on-deploy' | 'on-stemcell-change';
}

export interface VariableLink {
  name: 'alternative_name' | 'common_name';
  from: string;
  deployment: string | null;
  linkType: string;
  wildcard: boolean;
}
