import type { Instance } from '../store/instances.ts';

/** `--instance GROUP`, `GROUP/ID`, `GROUP/INDEX` or `GROUP/first`. */
export interface InstanceFilter {
  group: string;
  id?: string | number | null | undefined;
}

/** Those that some filter names, all of them without filters; and the filters that name nobody. */
export function matchInstances(
  instances: readonly Instance[],
  filters: readonly InstanceFilter[],
): { matched: Instance[]; unmatched: InstanceFilter[] } {
  if (filters.length === 0) return { matched: [...instances], unmatched: [] };
  const matched = new Set<Instance>();
  const unmatched: InstanceFilter[] = [];
  for (const filter of filters) {
    const found = named(instances, filter);
    for (const instance of found) matched.add(instance);
    if (found.length === 0) unmatched.push(filter);
  }
  return { matched: [...matched], unmatched };
}

function named(instances: readonly Instance[], { group, id }: InstanceFilter): Instance[] {
  const ofGroup = instances.filter((instance) => instance.group === group);
  const wanted = String(id ?? '');
  if (wanted === '') return ofGroup;
  if (wanted === 'first') return ofGroup.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, 1);
  return ofGroup.filter((instance) => instance.id === wanted || String(instance.index) === wanted);
}
