/** A config of type `deploy`: flags that the CLI adds to the deploys that it names. */
export interface DeployConfig {
  flags: readonly DeployFlag[];
  /** At most one of the two names deployments; with both the CLI ignores the config. Neither: every deployment. */
  include: readonly string[];
  exclude: readonly string[];
}

export type DeployFlag = 'fix-releases' | 'fix' | 'recreate' | 'recreate-persistent-disks' | 'skip-upload-releases';

/** Whether a deploy of this deployment gets the flags. */
export function deployConfigApplies({ include, exclude }: DeployConfig, deployment: string): boolean {
  if (include.length > 0 && exclude.length > 0) return false;
  return include.length > 0 ? include.includes(deployment) : !exclude.includes(deployment);
}

/** A config of type `resurrection`. */
export interface ResurrectionConfig {
  rules: readonly ResurrectionRule[];
}

export interface ResurrectionRule {
  enabled: boolean;
  include: ResurrectionFilter;
  exclude: ResurrectionFilter;
}

export interface ResurrectionFilter {
  deployments: readonly string[];
  instanceGroups: readonly string[];
}

/** One rule that applies and says no is enough. Source: resurrection_manager.rb. */
export function resurrects(rules: readonly ResurrectionRule[], deployment: string, instanceGroup: string): boolean {
  const matches = ({ deployments, instanceGroups }: ResurrectionFilter) =>
    (deployments.length === 0 || deployments.includes(deployment)) &&
    (instanceGroups.length === 0 || instanceGroups.includes(instanceGroup));
  const isEmpty = (filter: ResurrectionFilter) => filter.deployments.length + filter.instanceGroups.length === 0;
  const applies = ({ include, exclude }: ResurrectionRule) =>
    matches(include) && !(matches(exclude) && !isEmpty(exclude));
  return rules.every((rule) => rule.enabled || !applies(rule));
}
