import { InvalidRelease } from './release-fault.ts';
import { FieldReader, isTextMap, readTextDocument } from './text-document.ts';

/** `packages/NAME/spec`: what the archive of a package is made from. Source: `release/pkg/manifest` of bosh-cli. */
export interface PackageSpec {
  readonly name: string;
  readonly dependencies: readonly string[];
  /** Globs below src/ and blobs/. */
  readonly files: readonly string[];
  readonly excludedFiles: readonly string[];
  readonly noCompression: boolean;
}

/** `packages/NAME/spec.lock`: a package vendored from another release, known by its fingerprint alone. */
export interface PackageLock {
  readonly name: string;
  readonly fingerprint: string;
  readonly dependencies: readonly string[];
}

/** @throws InvalidRelease with every fault */
export function parsePackageSpec(text: string, what: string): PackageSpec {
  return parse(text, what, (fields) => ({
    name: fields.text('name'),
    dependencies: fields.texts('dependencies'),
    files: fields.texts('files'),
    excludedFiles: fields.texts('excluded_files'),
    noCompression: fields.optionalFlag('no_compression') ?? false,
  }));
}

/** @throws InvalidRelease with every fault */
export function parsePackageLock(text: string, what: string): PackageLock {
  return parse(text, what, (fields) => ({
    name: fields.text('name'),
    fingerprint: fields.text('fingerprint'),
    dependencies: fields.texts('dependencies'),
  }));
}

function parse<T>(text: string, what: string, read: (fields: FieldReader) => T): T {
  const { root, faults } = readTextDocument(text);
  if (faults.length > 0) throw new InvalidRelease(what, faults);
  if (!isTextMap(root)) throw new InvalidRelease(what, [{ path: '', message: 'must be a map' }]);
  const value = read(new FieldReader(root, '', faults));
  if (faults.length > 0) throw new InvalidRelease(what, faults);
  return value;
}
