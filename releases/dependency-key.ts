import { byBytes } from '../common/archive-pack.ts';
import { OperatorError } from '../common/errors.ts';
import { didYouMean } from '../common/suggest.ts';

/**
 * What a package was compiled against, as the text by which compiled packages are found: its dependencies with their
 * versions, and theirs, each list sorted by name. `[]` for none; the package itself is not in it.
 * To the byte as `key_generator.rb` of bosh makes it, from the database or from a compiled release: both must agree.
 *
 *     [["golang","1.2",[["gcc","9"]]],["pcre","8"]]
 */
export interface KeyedPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

type Nested = [name: string, version: string, dependencies?: Nested[]];

/** Written out, dependencies that are shared count each time: a lattice of packages can make a key without end. */
const nodesMax = 100_000;

/**
 * @param packages all of the release; without cycles, as `parseReleaseManifest` makes sure
 * @throws OperatorError `package-unknown` | `package-dependencies-too-deep`
 */
export function dependencyKey(name: string, packages: readonly KeyedPackage[]): string {
  const byName = new Map(packages.map((each) => [each.name, each]));
  let nodes = 0;
  const find = (wanted: string, neededBy: string | null): KeyedPackage => {
    const found = byName.get(wanted);
    if (found === undefined) throw packageUnknown(wanted, neededBy, byName.keys());
    if (++nodes > nodesMax) throw tooDeep(name);
    return found;
  };
  const nested = (each: KeyedPackage, depth: number): Nested[] => {
    if (depth > byName.size) throw tooDeep(name);
    return [...each.dependencies].sort(byBytes).map((wanted) => {
      const found = find(wanted, each.name);
      return found.dependencies.length === 0
        ? [found.name, found.version]
        : [found.name, found.version, nested(found, depth + 1)];
    });
  };
  return JSON.stringify(nested(find(name, null), 0));
}

/** The package and all that it depends on, dependencies first. @throws OperatorError `package-unknown` */
export function withDependencies<P extends Pick<KeyedPackage, 'name' | 'dependencies'>>(
  names: readonly string[],
  packages: readonly P[],
): P[] {
  const byName = new Map(packages.map((each) => [each.name, each]));
  const found = new Set<P>();
  const visiting = new Set<string>();
  const visit = (name: string, neededBy: string | null) => {
    const each = byName.get(name);
    if (each === undefined) throw packageUnknown(name, neededBy, byName.keys());
    if (visiting.has(name)) throw tooDeep(name);
    if (found.has(each)) return;
    visiting.add(name);
    for (const dependency of each.dependencies) visit(dependency, name);
    visiting.delete(name);
    found.add(each);
  };
  for (const name of names) visit(name, null);
  return [...found];
}

function packageUnknown(wanted: string, neededBy: string | null, known: Iterable<string>): OperatorError {
  const { suggestion } = didYouMean(wanted, known);
  return new OperatorError(
    `the release has no package "${wanted}"${neededBy === null ? '' : `, which "${neededBy}" depends on`}`,
    { code: 'package-unknown', ...(suggestion !== undefined && { hint: suggestion }), details: { wanted, neededBy } },
  );
}

function tooDeep(name: string): OperatorError {
  return new OperatorError(`package "${name}" depends on itself, or on more than ${nodesMax} others`, {
    code: 'package-dependencies-too-deep',
    hint: 'Make dependencies fewer, and without circles.',
    details: { name, nodesMax },
  });
}
