import { OperatorError } from '../../common/errors.ts';
import { nearest } from '../../common/suggest.ts';
import { instanceLabel } from '../plan/actual.ts';
import { rubyInspect } from '../ruby-inspect.ts';
import type { Instance } from '../store/instances.ts';
import type { InstanceFilter } from './instance-filters.ts';

const runErrandError = 510000;

export function errandUnknown(errand: string, deployment: string, known: readonly string[]): OperatorError {
  const near = nearest(errand, known);
  return new OperatorError(`Errand '${errand}' doesn't exist`, {
    code: 'errand-not-found',
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}\`bosh -d ${deployment} errands\` lists those that can run.`,
    details: { boshCode: 70009, errand },
  });
}

export function groupIsNoErrand(group: string): OperatorError {
  return new OperatorError(
    `Instance group '${group}' is not an errand. To mark an instance group as an errand set its lifecycle to 'errand' ` +
      'in the deployment manifest.',
    { code: 'errand-group-is-service', details: { boshCode: runErrandError, group } },
  );
}

export function filteredByGroupName(errand: string): OperatorError {
  return new OperatorError('Filtering by instances is not supported when running errand by instance group name', {
    code: 'errand-filter-refused',
    hint: `Leave --instance out, or name the job of group "${errand}" that shall run.`,
    details: { boshCode: runErrandError, errand },
  });
}

export function errandStopped(stopped: readonly Instance[]): OperatorError {
  const labels = stopped.map(instanceLabel);
  return new OperatorError(
    `Instance(s) ${labels.map((label) => `'${label}'`).join(',')} is stopped, unable to run errand. Maybe start vm?`,
    {
      code: 'errand-on-stopped-instance',
      hint: 'Start what is stopped, or name with --instance where the errand shall run.',
      details: { boshCode: runErrandError, instances: labels },
    },
  );
}

export function noInstanceOfErrand(deployment: string, errand: string): OperatorError {
  return new OperatorError(`Instance '${deployment}/${errand}/0' doesn't exist`, {
    code: 'instance-not-found',
    hint: 'The group has no instances: give it one in the manifest, and deploy.',
    details: { boshCode: 70001 },
  });
}

export function filtersUnmatched(filters: readonly InstanceFilter[]): OperatorError {
  return new OperatorError(`No instances match selection criteria: [${filters.map(rubyInspect).join(', ')}]`, {
    code: 'errand-filter-unmatched',
    hint: '`bosh instances` lists what --instance can name: a group, GROUP/INDEX, GROUP/ID, or GROUP/first.',
    details: { filters },
  });
}

export function neverDeployed(deployment: string): OperatorError {
  return new OperatorError(`Deployment '${deployment}' was never deployed successfully, so it has no errands`, {
    code: 'manifest-invalid',
    hint: 'Run deploy first.',
  });
}

export function jobNotFirst(errand: string): OperatorError {
  return new OperatorError(`Multiple jobs are configured on an older stemcell, and "${errand}" is not the first job`, {
    code: 'errand-job-not-first',
    hint: 'Use a newer stemcell, or put the job first in its group.',
  });
}

export function errandResultInvalid(label: string): OperatorError {
  return new OperatorError(`${label}: its agent answered run_errand with something that is no result`, {
    code: 'agent-result-invalid',
    hint: 'The agent comes with the stemcell: use a newer stemcell for this instance.',
    details: { boshCode: 400011, instance: label },
  });
}
