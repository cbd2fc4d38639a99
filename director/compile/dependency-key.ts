import { OperatorError } from '../../common/errors.ts';
import type { ReleasePackage } from '../store/releases.ts';

/**
 * The versions of everything that a package is compiled with, as the JSON text that BOSH stores and compares:
 * `[[name,version,[...]],...]`, direct dependencies sorted by name, the third element only where one has its own.
 */
export function dependencyKey(pkg: ReleasePackage, release: ReadonlyMap<string, ReleasePackage>): string {
  return JSON.stringify(entriesOf(pkg, release));
}

type Entry = [name: string, version: string] | [name: string, version: string, dependencies: Entry[]];

function entriesOf(pkg: ReleasePackage, release: ReadonlyMap<string, ReleasePackage>): Entry[] {
  return [...pkg.dependencies].sort().map((name): Entry => {
    const dependency = packageNamed(name, release, pkg.name);
    const nested = entriesOf(dependency, release);
    return nested.length === 0 ? [dependency.name, dependency.version] : [dependency.name, dependency.version, nested];
  });
}

export function packageNamed(
  name: string,
  release: ReadonlyMap<string, ReleasePackage>,
  neededBy: string,
): ReleasePackage {
  const found = release.get(name);
  if (found !== undefined) return found;
  throw new OperatorError(`package "${name}", which "${neededBy}" needs, is not in its release`, {
    code: 'package-missing',
    hint: 'Upload the release again with --fix.',
    details: { package: name, neededBy },
  });
}
