import type { PackageRef } from '../../agent/protocol.ts';
import { packageRef } from '../compile/compile-packages.ts';
import { requirementKey, requirementsOf, type CompileDemand, type Requirement } from '../compile/requirements.ts';
import type { WantedGroup } from '../plan/wanted.ts';
import type { CompiledPackage } from '../store/releases.ts';
import type { Store } from '../store/store.ts';
import type { Resolved } from './resolve.ts';

/** Every package that some group needs, with what is compiled of it already. */
export async function requirementsOfDeployment(
  { wanted, exportedFrom }: Resolved,
  store: Store,
): Promise<Map<string, Requirement>> {
  const demands = wanted.groups.flatMap((group) => demandsOf(group, exportedFrom));
  const ids = new Set(demands.flatMap(({ packages }) => [...packages.values()].map((pkg) => pkg.id)));
  return requirementsOf(demands, await store.releases.compiledFor([...ids]));
}

function demandsOf({ jobs, stemcells }: WantedGroup, exportedFrom: Resolved['exportedFrom']): CompileDemand[] {
  const stemcell = stemcells.values().next().value;
  if (stemcell === undefined) return [];
  return jobs.map(({ release, packages, job }) => ({
    release,
    packages,
    wanted: job.packages,
    stemcell: { os: stemcell.os, version: stemcell.version },
    exportedFrom: exportedFrom.get(release.name) ?? [],
  }));
}

/** What was compiled before this task, by requirement. */
export function compiledBefore(requirements: ReadonlyMap<string, Requirement>): Map<string, CompiledPackage> {
  return new Map(
    [...requirements.values()].flatMap(({ key, compiled }) => (compiled === null ? [] : [[key, compiled] as const])),
  );
}

/** Packages that the group's jobs need at run time, as agents are told of them; null while one is not compiled. */
export function packagesOf(
  group: WantedGroup,
  requirements: ReadonlyMap<string, Requirement>,
  compiled: ReadonlyMap<string, CompiledPackage>,
): Record<string, PackageRef | null> {
  const stemcell = group.stemcells.values().next().value;
  const refs: Record<string, PackageRef | null> = {};
  if (stemcell === undefined) return refs;
  for (const { job, packages } of group.jobs) {
    for (const name of job.packages) {
      const requirement = requirements.get(requirementKey(packages.get(name)?.id ?? -1, stemcell));
      if (requirement === undefined) throw new Error(`package ${name} was not asked for`);
      refs[name] = compiled.has(requirement.key) ? packageRef(requirement, compiled) : null;
    }
  }
  return refs;
}
