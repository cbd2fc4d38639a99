import { type Fault, InvalidInput } from '../common/errors.ts';

/** A fault in a release or a stemcell, with the number that a BOSH director answers for it (its errors.rb). */
export interface ReleaseFault extends Fault {
  boshCode?: number;
}

/** A release that can't be used, with everything that is wrong with it. Code `release-invalid`. */
export class InvalidRelease extends InvalidInput {
  declare readonly faults: readonly ReleaseFault[];

  constructor(what: string, faults: readonly ReleaseFault[], hint?: string) {
    super(what, faults, { code: 'release-invalid', ...(hint === undefined ? {} : { hint }) });
    const boshCode = faults[0]?.boshCode; // clients match on one code: the first fault's, as BOSH stops at the first
    if (boshCode !== undefined) this.details['boshCode'] = boshCode;
  }
}

/** Numbers of BOSH's errors that releases lead to. */
export const boshCodes = {
  validationInvalidValue: 40001,
  releaseInvalidArchive: 30002,
  releaseManifestNotFound: 30003,
  releaseVersionInvalid: 30010,
  releaseInvalidPackage: 30012,
  jobInvalidArchive: 80000,
  jobMissingManifest: 80001,
  jobMissingTemplateFile: 80002,
  jobMissingPackage: 80003,
  jobMissingMonit: 80004,
  jobInvalidLogSpec: 80005,
  jobInvalidPropertySpec: 80008,
  jobInvalidPackageSpec: 80012,
  jobInvalidLinkSpec: 80013,
  jobDuplicateLinkName: 80014,
  jobInvalidName: 80016,
} as const;
