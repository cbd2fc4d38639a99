import type { Addon, AddonFilter } from './addon.ts';

/** What the filters of an addon look at. */
export interface AddonCandidate {
  deployment: string;
  /** The teams that own the deployment. */
  teams: readonly string[];
  group: {
    name: string;
    lifecycle: string;
    azs: readonly string[] | null;
    networks: readonly { name: string }[];
    jobs: readonly { name: string; release: string }[];
    /** Of the group's stemcell; null when its alias is unknown. */
    stemcellOs: string | null;
  };
}

/** Whether the addon's jobs go onto this instance group. Source: addon.rb, filter.rb. */
export function addonApplies(addon: Addon, candidate: AddonCandidate): boolean {
  const excluded = !isEmpty(addon.exclude) && matches(addon.exclude, candidate);
  return matches(addon.include, candidate) && !excluded;
}

function isEmpty(filter: AddonFilter): boolean {
  return Object.values(filter).every((asked) => asked === null || (Array.isArray(asked) && asked.length === 0));
}

/** Every list that isn't empty has an entry that fits. */
function matches(filter: AddonFilter, { deployment, teams, group }: AddonCandidate): boolean {
  const { azs } = group;
  const fits = <T>(asked: readonly T[], fit: (entry: T) => boolean) => asked.length === 0 || asked.some(fit);
  return (
    (filter.lifecycle === null || filter.lifecycle === group.lifecycle) &&
    fits(filter.azs, (az) => azs?.includes(az) === true) &&
    fits(filter.teams, (team) => teams.includes(team)) &&
    fits(filter.stemcellOses, (os) => os === group.stemcellOs) &&
    fits(filter.networks, (name) => group.networks.some((network) => network.name === name)) &&
    fits(filter.deployments, (name) => name === deployment) &&
    fits(filter.jobs, (asked) =>
      group.jobs.some(({ name, release }) => name === asked.name && release === asked.release),
    ) &&
    fits(filter.instanceGroups, (name) => name === group.name)
  );
}
