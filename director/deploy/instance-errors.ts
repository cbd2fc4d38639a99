import { OperatorError } from '../../common/errors.ts';
import { instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';

export function instanceMissing({ deployment, instanceId }: { deployment: string; instanceId: string }): OperatorError {
  return new OperatorError(`deployment "${deployment}" has no instance ${instanceId}`, {
    code: 'instance-not-found',
    hint: `It was deleted meanwhile; \`bosh -d ${deployment} instances\` lists what is there.`,
    details: { boshCode: 70001 },
  });
}

export function ignoredRefused(instance: Instance): OperatorError {
  const label = instanceLabel(instance);
  return new OperatorError(`${label} is ignored, so its state is not changed`, {
    code: 'instance-ignored',
    hint: `Run \`bosh -d ${instance.deployment} unignore ${label}\` first.`,
    details: { boshCode: 190020, instance: label },
  });
}

export function deploymentHasIgnored(deployment: string, labels: readonly string[]): OperatorError {
  return new OperatorError(`deployment "${deployment}" has ignored instances: ${labels.join(', ')}`, {
    code: 'instance-ignored',
    hint: `They are not deleted while they are ignored. Run \`bosh -d ${deployment} unignore\` on each first.`,
    details: { boshCode: 190021, instances: labels },
  });
}

export function errandRefused(label: string, action: string): OperatorError {
  return new OperatorError(`${label} is an errand: "${action}" of a single instance is not for errands`, {
    code: 'instance-is-errand',
    hint: 'Run it with `bosh run-errand`.',
    details: { boshCode: 90000, instance: label },
  });
}

export function neverUpdated(instance: Instance): OperatorError {
  const label = instanceLabel(instance);
  return new OperatorError(`${label} has never been updated with success, so there is nothing to bring it back to`, {
    code: 'instance-never-updated',
    hint: 'Deploy first.',
    details: { instance: label },
  });
}

export function groupMissing(instance: Instance): OperatorError {
  const label = instanceLabel(instance);
  return new OperatorError(`${label}: the last deploy that succeeded has no instance group "${instance.group}"`, {
    code: 'instance-group-missing',
    hint: 'Deploy first: the instance is new, or on its way out.',
    details: { instance: label },
  });
}

export function stemcellMissing(name: string): OperatorError {
  return new OperatorError(`there is no stemcell ${name} any more, of which the instance was made`, {
    code: 'stemcell-missing',
    hint: 'Upload it again, or deploy with one that is there; `bosh stemcells` lists them.',
    details: { boshCode: 50003 },
  });
}

export function addressesChanged(instance: Instance): OperatorError {
  const label = instanceLabel(instance);
  return new OperatorError(`${label}: the infrastructure gave its new VM other addresses than before`, {
    code: 'instance-addresses-changed',
    hint: `Its templates must be rendered anew: run \`bosh -d ${instance.deployment} recreate ${label}\` without --no-converge.`,
    details: { instance: label },
  });
}
