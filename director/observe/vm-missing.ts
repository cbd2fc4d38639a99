import { OperatorError } from '../../common/errors.ts';
import { instanceTitle } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';

export function vmMissing(instance: Instance): OperatorError {
  return new OperatorError(`'${instanceTitle(instance)}' doesn't reference a VM`, {
    code: 'instance-without-vm',
    hint: `Start it: \`bosh -d ${instance.deployment} start ${instance.group}/${instance.id}\`.`,
    details: { boshCode: 70004, instance: instance.id },
  });
}
