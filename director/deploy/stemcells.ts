import { InvalidInput, type Fault } from '../../common/errors.ts';
import { didYouMeanOf } from '../../common/suggest.ts';
import { resolveVersion } from '../../common/version.ts';
import type { StemcellReference } from '../../manifests/deployment-manifest.ts';
import type { WantedStemcell } from '../plan/wanted.ts';
import type { Stemcell } from '../store/stemcells.ts';
import type { Store } from '../store/store.ts';

/** What an alias of the manifest stands for: one stemcell, on each CPI that has it. */
export interface StemcellSet {
  os: string;
  version: string;
  byCpi: ReadonlyMap<string, WantedStemcell>;
  names: Array<{ name: string; version: string }>;
}

/** @throws InvalidInput `stemcell-missing` with every reference that fits none */
export async function resolveStemcells(
  references: readonly StemcellReference[],
  store: Store,
): Promise<Map<string, StemcellSet>> {
  const faults: Fault[] = [];
  const sets = new Map<string, StemcellSet>();
  for (const [i, reference] of references.entries()) {
    const candidates =
      reference.os === null
        ? await store.stemcells.ofName(reference.name ?? '')
        : await store.stemcells.ofSystem(reference.os);
    const version = resolveVersion(reference.version, [...new Set(candidates.map((stemcell) => stemcell.version))]);
    const fitting = candidates.filter((stemcell) => stemcell.version === version);
    const set = setOf(fitting);
    if (set === undefined) faults.push(await missing(reference, `stemcells.${i}`, { candidates, store }));
    else sets.set(reference.alias, set);
  }
  if (faults.length === 0) return sets;
  const invalid = new InvalidInput('stemcells', faults, {
    code: 'stemcell-missing',
    hint: 'Upload stemcells with `bosh upload-stemcell`; `bosh stemcells` lists what is there.',
  });
  invalid.details['boshCode'] = 50003;
  throw invalid;
}

export function stemcellOf({ name, version, operatingSystem, cid, apiVersion }: Stemcell): WantedStemcell {
  return { name, version, os: operatingSystem, cid, apiVersion };
}

function setOf(stemcells: readonly Stemcell[]): StemcellSet | undefined {
  const [first] = stemcells;
  if (first === undefined) return undefined;
  const byCpi = new Map<string, WantedStemcell>();
  for (const stemcell of stemcells) byCpi.set(stemcell.cpi, stemcellOf(stemcell));
  const names = new Map(stemcells.map(({ name, version }) => [name, { name, version }]));
  return { os: first.operatingSystem, version: first.version, byCpi, names: [...names.values()] };
}

async function missing(
  { os, name, version }: StemcellReference,
  path: string,
  { candidates, store }: { candidates: readonly Stemcell[]; store: Store },
): Promise<Fault> {
  const wanted = os === null ? `name "${name}"` : `operating system "${os}"`;
  if (candidates.length > 0) {
    const there = [...new Set(candidates.map((stemcell) => stemcell.version))].join(', ');
    return {
      path: `${path}.version`,
      message: `no stemcell with ${wanted} has version ${version}; there are ${there}`,
    };
  }
  const known = (await store.stemcells.list()).map((stemcell) =>
    os === null ? stemcell.name : stemcell.operatingSystem,
  );
  return {
    path,
    message: `there is no stemcell with ${wanted}`,
    ...didYouMeanOf(os ?? name ?? '', known),
  };
}
