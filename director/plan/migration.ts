import { OperatorError } from '../../common/errors.ts';
import type { InstanceGroup, MigratedFrom } from '../../manifests/instance-group.ts';
import type { Instance } from '../store/instances.ts';
import type { ActualInstance } from './actual.ts';

/**
 * Instances that carry the group's name, or the name of one that it was migrated from; those of a time without AZs with
 * the AZ that `migrated_from` says they are in. Source: bosh's job_migrator.
 * @throws OperatorError `migration-invalid`
 */
export function continuedBy(
  group: InstanceGroup,
  groups: readonly InstanceGroup[],
  actual: readonly ActualInstance[],
): Instance[] {
  for (const former of group.migratedFrom) checkTarget(group, former, groups);
  const formers = new Map(group.migratedFrom.map((former) => [former.name, former]));
  return actual.flatMap(({ instance }) => {
    if (instance.group === group.name) return [instance];
    const former = formers.get(instance.group);
    return former === undefined ? [] : [{ ...instance, az: formerAz(group, former, instance) }];
  });
}

function checkTarget(group: InstanceGroup, { name }: MigratedFrom, groups: readonly InstanceGroup[]): void {
  if (name !== group.name && groups.some((other) => other.name === name)) {
    refuse(group, name, `the manifest still has an instance group "${name}"`);
  }
  const other = groups.find(
    (candidate) => candidate !== group && candidate.migratedFrom.some((former) => former.name === name),
  );
  if (other !== undefined) refuse(group, name, `instance group "${other.name}" is migrated from it, too`);
}

function formerAz(group: InstanceGroup, { name, az }: MigratedFrom, instance: Instance): string | null {
  if (instance.az === null && az === null && group.azs !== null) {
    refuse(group, name, `its instances are in no AZ, and migrated_from does not say which one is theirs`);
  }
  if (instance.az !== null && az !== null && instance.az !== az) {
    refuse(group, name, `${name}/${instance.id} is in AZ "${instance.az}", and migrated_from says "${az}"`);
  }
  return instance.az ?? az;
}

function refuse(group: InstanceGroup, from: string, why: string): never {
  throw new OperatorError(`instance group ${group.name} cannot be migrated from "${from}": ${why}`, {
    code: 'migration-invalid',
    hint: 'A group is migrated to one other, under which alone it is in the manifest; `migrated_from: [{name: GROUP, az: AZ}]` gives the AZ.',
    details: { boshCode: 190018, group: group.name, from },
  });
}
