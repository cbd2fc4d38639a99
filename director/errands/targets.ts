import type { GroupJobs } from '../deploy/resolve-jobs.ts';
import { instanceTitle, activeVm } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';
import {
  errandStopped,
  errandUnknown,
  filteredByGroupName,
  filtersUnmatched,
  groupIsNoErrand,
  noInstanceOfErrand,
} from './errors.ts';
import { matchInstances, type InstanceFilter } from './instance-filters.ts';

/** Where an errand runs. */
export interface Targets {
  /** Named by a job; else by its group, whose first job it is then. */
  byJob: boolean;
  /** Groups of errands: machines of their own, which are there for the run. */
  errandGroups: readonly string[];
  /** With a VM. */
  services: readonly Instance[];
  /** Whom somebody asked for, of errand groups too. */
  matched: ReadonlySet<Instance['id']>;
  warnings: readonly string[];
}

interface Request {
  deployment: string;
  errand: string;
  filters: readonly InstanceFilter[];
}

/** Stopped ones are refused, whoever runs the errand: somebody had a reason to stop them. As BOSH. @throws OperatorError `errand-on-stopped-instance` */
export function refuseStopped(instances: readonly Instance[], filters: readonly InstanceFilter[]): void {
  const stopped = matchInstances(instances, filters).matched.filter(({ state }) => state === 'stopped');
  if (stopped.length > 0) throw errandStopped(stopped);
}

/** @throws OperatorError with BOSH's numbers, see errors.ts */
export function targetsOf(
  { deployment, errand, filters }: Request,
  groups: readonly GroupJobs[],
  instances: readonly Instance[],
): Targets {
  const { matched, unmatched } = matchInstances(instances, filters);
  const named = groups.find(({ group }) => group.name === errand);
  const withJob = groups.filter(({ jobs }) => jobs.some(({ name }) => name === errand));
  const byJob = withJob.length > 0;
  const warnings = byJob && named !== undefined ? [ambiguous(errand)] : [];
  if (!byJob) {
    if (named === undefined) throw errandUnknown(errand, deployment, namesOf(groups));
    if (named.group.lifecycle !== 'errand') throw groupIsNoErrand(errand);
    if (!instances.some(({ group }) => group === errand)) throw noInstanceOfErrand(deployment, errand);
    if (filters.length > 0) throw filteredByGroupName(errand);
  }
  const errandGroups: string[] = [];
  const services: Instance[] = [];
  for (const { group } of byJob ? withJob : groups.filter((each) => each === named)) {
    const own = matched.filter((instance) => instance.group === group.name);
    if (own.length > 1) warnings.push(inParallelWarning);
    if (group.lifecycle === 'errand') {
      if (own.length > 0) errandGroups.push(group.name);
      continue;
    }
    for (const instance of own.sort((a, b) => a.index - b.index)) {
      if (activeVm(instance) === null)
        warnings.push(`Skipping instance: ${instanceTitle(instance)} no matching VM reference was found`);
      else services.push(instance);
    }
  }
  if (unmatched.length > 0) throw filtersUnmatched(unmatched);
  return { byJob, errandGroups, services, matched: new Set(matched.map(({ id }) => id)), warnings };
}

const inParallelWarning =
  'Executing errand on multiple instances in parallel. Use the `--instance` flag to run the errand on a single instance.';

const ambiguous = (errand: string) =>
  `Ambiguous request: the requested errand name '${errand}' matches both a job name and an errand instance group name. ` +
  `Executing errand on all relevant instances with job '${errand}'.`;

function namesOf(groups: readonly GroupJobs[]): string[] {
  return groups.flatMap(({ group, jobs }) => [group.name, ...jobs.map(({ name }) => name)]);
}
