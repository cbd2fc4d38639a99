/** A package of one release, as far as its compiled form depends on it. */
export interface PackageNode {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/**
 * By package: the JSON text that names the versions of everything it is compiled with, as BOSH's key_generator writes
 * it: `[["name","version",[…]],…]`, sorted by name, the third part only where there is one. Compiled packages are
 * found by it, so it is byte for byte BOSH's.
 */
export function compiledDependencyKeys(packages: readonly PackageNode[]): Map<string, string> {
  const byName = new Map(packages.map((each) => [each.name, each]));
  const described = new Map<string, unknown[]>();
  const describe = (name: string): unknown[] => {
    const known = described.get(name);
    if (known !== undefined) return known;
    const found = byName.get(name);
    if (found === undefined) throw new Error(`package ${name} is needed and not here; the manifest was not checked`);
    const below = found.dependencies.toSorted().map(describe);
    const description = below.length === 0 ? [found.name, found.version] : [found.name, found.version, below];
    described.set(name, description);
    return description;
  };
  return new Map(
    packages.map(({ name, dependencies }) => [name, JSON.stringify(dependencies.toSorted().map(describe))]),
  );
}
