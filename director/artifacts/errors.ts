import { OperatorError } from '../../common/errors.ts';

// What can be wrong with releases and stemcells that are here, or shall be. Numbers: wire-codes.ts.

export function releaseNotFound(name: string): OperatorError {
  return new OperatorError(`Release '${name}' doesn't exist`, { code: 'release-not-found', details: { name } });
}

export function releaseVersionNotFound(name: string, version: string): OperatorError {
  return new OperatorError(`Release version '${name}/${version}' doesn't exist`, {
    code: 'release-version-not-found',
    details: { name, version },
  });
}

export function stemcellNotFound(name: string, version: string): OperatorError {
  return new OperatorError(`Stemcell '${name}/${version}' doesn't exist`, {
    code: 'stemcell-not-found',
    details: { name, version },
  });
}
