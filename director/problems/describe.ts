import { activeVm, instanceLabel, instanceTitle } from '../plan/actual.ts';
import type { Instance, PersistentDisk } from '../store/instances.ts';
import type { Problem } from '../store/problems.ts';
import type { ProblemKind } from './kinds.ts';

/** A problem as things are now. */
export interface DescribedProblem {
  kind: ProblemKind;
  /** BOSH's words, which clients show. */
  description: string;
  group: string;
  /** Null where it is not there any more. */
  instance: Instance | null;
  /** By its key in the instance; null: the problem is not about a disk. */
  disk: PersistentDisk | null;
  /** As BOSH numbers instances; of disks their key. */
  resource: string;
}

/** Finds what problems are about among the instances of a deployment. */
export function problemDescriber(instances: readonly Instance[]): (problem: Problem) => DescribedProblem {
  const byId = new Map<string, Instance>(instances.map((instance) => [instance.id, instance]));
  const byDisk = new Map(instances.flatMap((instance) => instance.disks.map((disk) => [disk.key, { instance, disk }])));
  return (problem) =>
    problem.type === 'missing_vm' || problem.type === 'unresponsive_agent'
      ? ofVm(problem, byId.get(problem.resource))
      : ofDisk(problem, byDisk.get(problem.resource));
}

function ofVm(problem: Problem, instance: Instance | undefined): DescribedProblem {
  if (instance === undefined) return invalid(problem, `Instance '${problem.resource}' is no longer in the database`);
  const cid = activeVm(instance)?.cid;
  const named = cid == null ? '' : ` with cloud ID '${cid}'`;
  const what = problem.type === 'missing_vm' ? 'missing' : 'is not responding';
  return {
    kind: problem.type,
    description: `VM for '${instanceTitle(instance)}'${named} ${what}.`,
    group: instance.group,
    instance,
    disk: null,
    resource: String(instance.number),
  };
}

function ofDisk(problem: Problem, found: { instance: Instance; disk: PersistentDisk } | undefined): DescribedProblem {
  if (found === undefined) return invalid(problem, `Disk '${problem.resource}' is no longer in the database`);
  const { instance, disk } = found;
  const { group } = instance;
  const of = (description: string): DescribedProblem => {
    return { kind: problem.type, description, group, instance, disk, resource: disk.key };
  };
  if (problem.type === 'missing_disk')
    return of(`Disk '${disk.cid}' (${instanceLabel(instance)}, ${disk.sizeMib}M) is missing`);
  if (problem.type === 'inactive_disk') {
    if (disk.active) return invalid(problem, `Disk '${disk.cid}' is no longer inactive`);
    return of(`Disk '${disk.cid}' (${disk.sizeMib}M) for instance '${instanceTitle(instance)}' is inactive`);
  }
  const vm = activeVm(instance);
  if (vm === null) return invalid(problem, `Can't find corresponding vm-cid for disk '${disk.cid}'`);
  return of(mismatch(disk.cid, vm.cid, problem.data['owner_vms']));
}

function mismatch(diskCid: string | null, vmCid: string | null, owners: unknown): string {
  const list = Array.isArray(owners) ? owners.map(String) : [];
  return (
    `Inconsistent mount information:\nRecord shows that disk '${diskCid}' should be mounted on ${vmCid}.\n` +
    'However it is currently :\n' +
    (list.length === 0 ? '\tNot mounted in any VM' : `\tMounted on: ${list.join(', ')}`)
  );
}

function invalid({ type, resource }: Problem, error: string): DescribedProblem {
  return {
    kind: 'invalid_problem',
    description: `Problem (${type} ${resource}) is no longer valid: ${error}`,
    group: 'unknown job',
    instance: null,
    disk: null,
    resource,
  };
}
