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

export function commitMismatch(release: string, stored: Commit, uploaded: Commit): OperatorError {
  const describe = ({ commitHash, uncommittedChanges }: Commit) =>
    `commit_hash '${commitHash}' and uncommitted_changes '${uncommittedChanges}'`;
  return new OperatorError(
    `release '${release}' has already been uploaded with ${describe(stored)}, and now comes with ${describe(uploaded)}`,
    {
      code: 'release-commit-hash-mismatch',
      hint: 'Give the changed release a version of its own.',
      details: { release, stored, uploaded },
    },
  );
}

interface Commit {
  commitHash: string;
  uncommittedChanges: boolean;
}

export function fingerprintMismatch(kind: 'job' | 'package', name: string, release: string): OperatorError {
  return new OperatorError(`${kind} '${name}' had different fingerprint in previously uploaded release '${release}'`, {
    code: `release-${kind}-fingerprint-mismatch`,
    hint: 'Give the changed release a version of its own, or delete the one that is here.',
    details: { kind, name, release },
  });
}

export function dependencyKeyMismatch(name: string, release: string): OperatorError {
  return new OperatorError(
    `The uploaded release contains package dependencies in '${name}' that do not match those of '${release}' here`,
    {
      code: 'release-dependency-key-mismatch',
      hint: 'It was compiled from another release of the same version. Export it again from the release that is here.',
      details: { name, release },
    },
  );
}

/** The CLI leaves out what the director has; then it was deleted, or the tarball was made by hand. */
export function partMissing(what: string, release: string): OperatorError {
  return new OperatorError(`release '${release}': ${what} is not in the tarball, and the director does not have it`, {
    code: 'package-invalid-archive',
    hint: 'Upload the release again with --fix, so that everything is sent.',
    details: { what, release },
  });
}

export function stemcellNotSupported(
  name: string,
  formats: readonly string[],
  available: readonly string[],
): OperatorError {
  return new OperatorError(
    `uploaded stemcell '${name}' with formats ${JSON.stringify(formats)} are not supported by available cpi formats: ${JSON.stringify(available)}`,
    {
      code: 'stemcell-not-supported',
      hint: 'Upload the stemcell that was built for this infrastructure.',
      details: { name, formats, available },
    },
  );
}
