import { OperatorError } from '../../common/errors.ts';
import { newestOfLine } from '../../stemcells/stemcell-version.ts';
import type { CompiledPackage, ReleasePackage } from '../store/releases.ts';
import { dependencyKey } from '../../releases/dependency-key.ts';

/** Jobs of one release that shall run on one stemcell. */
export interface CompileDemand {
  release: { name: string; version: string };
  packages: ReadonlyMap<string, ReleasePackage>;
  /** Names of the packages that are needed at run time. */
  wanted: readonly string[];
  stemcell: { os: string; version: string };
  /** Compiled packages of these stemcells only, as the manifest demands. */
  exportedFrom: ReadonlyArray<{ os: string; version: string }>;
}

/** One package on one stemcell. */
export interface Requirement {
  key: string;
  pkg: ReleasePackage;
  /** The first that wants it: for messages. */
  release: { name: string; version: string };
  stemcell: { os: string; version: string };
  dependencyKey: string;
  /** Direct ones: what the agent is given to compile with. */
  dependencies: readonly Requirement[];
  /** Null: has to be compiled. */
  compiled: CompiledPackage | null;
}

export function requirementKey(packageId: number, stemcell: { os: string; version: string }): string {
  return `${packageId} ${stemcell.os}/${stemcell.version}`;
}

/**
 * What is needed, with what it depends on, by key; and for each whether a compiled form of it is there.
 * Dependencies of a package that is compiled already are not looked for: nobody needs them.
 * @throws OperatorError `package-without-source` naming every package that can be neither found nor compiled
 */
export function requirementsOf(
  demands: readonly CompileDemand[],
  compiled: readonly CompiledPackage[],
): Map<string, Requirement> {
  const byPackage = new Map<number, CompiledPackage[]>();
  for (const one of compiled) byPackage.set(one.packageId, [...(byPackage.get(one.packageId) ?? []), one]);
  const requirements = new Map<string, Requirement>();
  const missing: string[] = [];

  const require = (pkg: ReleasePackage, demand: CompileDemand): Requirement => {
    const key = requirementKey(pkg.id, demand.stemcell);
    const known = requirements.get(key);
    if (known !== undefined) return known;
    const wantedKey = dependencyKey(pkg.name, [...demand.packages.values()]);
    const found = findCompiled(pkg, wantedKey, demand, byPackage.get(pkg.id) ?? []);
    if (found === null && pkg.blobId === null) {
      missing.push(
        `${demand.release.name}/${demand.release.version}: package "${pkg.name}" has no source and no form compiled for ${demand.stemcell.os}/${demand.stemcell.version}`,
      );
    }
    const dependencies =
      found === null
        ? pkg.dependencies.map((name) => require(packageNamed(name, demand.packages, pkg.name), demand))
        : [];
    const requirement = {
      key,
      pkg,
      release: demand.release,
      stemcell: demand.stemcell,
      dependencyKey: wantedKey,
      dependencies,
      compiled: found,
    };
    requirements.set(key, requirement);
    return requirement;
  };
  for (const demand of demands)
    for (const name of demand.wanted) require(packageNamed(name, demand.packages, demand.release.name), demand);
  if (missing.length > 0) {
    throw new OperatorError(
      `Can't use compiled releases on these stemcells:\n${missing.map((line) => `- ${line}`).join('\n')}`,
      {
        code: 'package-without-source',
        hint: 'Upload the release with its sources, or one that was compiled for this stemcell; or use the stemcell that it was compiled for.',
        details: { boshCode: 60001, missing },
      },
    );
  }
  return requirements;
}

/** The exact stemcell; for a package without source also another patch level of the same line, the newest one. */
function findCompiled(
  pkg: ReleasePackage,
  key: string,
  demand: CompileDemand,
  candidates: readonly CompiledPackage[],
): CompiledPackage | null {
  const fitting = candidates.filter(({ dependencyKey: has }) => has === key);
  const on = ({ os, version }: { os: string; version: string }) =>
    fitting.find(({ stemcellOs, stemcellVersion }) => stemcellOs === os && stemcellVersion === version);
  if (demand.exportedFrom.length > 0) return demand.exportedFrom.map(on).find((found) => found !== undefined) ?? null;
  const exact = on(demand.stemcell);
  if (exact !== undefined || pkg.blobId !== null) return exact ?? null;
  const sameSystem = fitting.filter(({ stemcellOs }) => stemcellOs === demand.stemcell.os);
  return newestOfLine(({ stemcellVersion }) => stemcellVersion, sameSystem, demand.stemcell.version) ?? null;
}

function packageNamed(name: string, release: ReadonlyMap<string, ReleasePackage>, neededBy: string): ReleasePackage {
  const found = release.get(name);
  if (found !== undefined) return found;
  throw new OperatorError(`package "${name}", which "${neededBy}" needs, is not in its release`, {
    code: 'package-missing',
    hint: 'Upload the release again with --fix.',
    details: { package: name, neededBy },
  });
}
