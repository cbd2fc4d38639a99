import { OperatorError } from '../../common/errors.ts';

export function noBlobOfLogs(label: string): OperatorError {
  return new OperatorError(`${label}: its agent did not tell where it has put the logs`, {
    code: 'agent-result-without-blob',
    hint: 'The agent comes with the stemcell: use a newer stemcell for this instance.',
    details: { boshCode: 400001, instance: label },
  });
}

export function invalidBlobOfLogs(label: string, blobId: string): OperatorError {
  return new OperatorError(`${label}: its agent says that it has put the logs at "${blobId}", which is no blob id`, {
    code: 'agent-result-invalid-blob',
    hint: 'The agent comes with the stemcell: use a newer stemcell for this instance.',
    details: { boshCode: 400014, instance: label },
  });
}
