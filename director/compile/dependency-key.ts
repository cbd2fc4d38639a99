import { OperatorError } from '../../common/errors.ts';

/** A package, as far as others are compiled with it: of a release that is here, or of an uploaded manifest. */
export interface PackageNode {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/**
 * The versions of everything that a package is compiled with, as the JSON text that BOSH stores and compares:
 * `[[name,version,[...]],...]`, direct dependencies sorted by name, the third element only where one has its own.
 */
export function dependencyKey(pkg: PackageNode, release: ReadonlyMap<string, PackageNode>): string {
  return JSON.stringify(entriesOf(pkg, release));
}

type Entry = [name: string, version: string] | [name: string, version: string, dependencies: Entry[]];

function entriesOf(pkg: PackageNode, release: ReadonlyMap<string, PackageNode>): Entry[] {
  return [...pkg.dependencies].sort().map((name): Entry => {
    const dependency = packageNamed(name, release, pkg.name);
    const nested = entriesOf(dependency, release);
    return nested.length === 0 ? [dependency.name, dependency.version] : [dependency.name, dependency.version, nested];
  });
}

export function packageNamed<P extends PackageNode>(
  name: string,
  release: ReadonlyMap<string, P>,
  neededBy: string,
): P {
  const found = release.get(name);
  if (found !== undefined) return found;
  throw new OperatorError(`package "${name}", which "${neededBy}" needs, is not in its release`, {
    code: 'package-missing',
    hint: 'Upload the release again with --fix.',
    details: { package: name, neededBy },
  });
}
