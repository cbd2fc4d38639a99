import { InvalidInput, type Fault } from '../common/errors.ts';

/** A fault in a manifest or a config, with the number that a BOSH director answers for it (its errors.rb). */
export interface ManifestFault extends Fault {
  boshCode?: number;
}

/** What a parser gives: the typed value, and what it ignored or found deprecated. Faults are thrown, never returned. */
export interface Parsed<T> {
  value: T;
  warnings: readonly ManifestFault[];
}

/**
 * What a parser gives to whoever goes on after faults: the value with an empty one in the place of each bad one, and
 * none at all where the places of what is in it can't be told any more.
 */
export type Draft<T> =
  | { value: T; warnings: readonly ManifestFault[]; invalid: undefined }
  | { value: T | undefined; warnings: readonly ManifestFault[]; invalid: InvalidManifest };

/** A document that can't be used, with everything that is wrong with it. */
export class InvalidManifest extends InvalidInput {
  declare readonly faults: readonly ManifestFault[];
  /** What is ignored may be why something is missing. */
  readonly warnings: readonly ManifestFault[];

  constructor(
    what: string,
    faults: readonly ManifestFault[],
    options: { code?: string; hint?: string; warnings?: readonly ManifestFault[] } = {},
  ) {
    super(what, faults, options);
    this.warnings = options.warnings ?? [];
    const boshCode = faults[0]?.boshCode; // clients match on one code: the first fault's, as BOSH stops at the first
    if (boshCode !== undefined) this.details['boshCode'] = boshCode;
  }
}
