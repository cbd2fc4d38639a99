import { Router } from 'express';
import { InvalidInput, OperatorError } from '../../common/errors.ts';
import { dependencyKey } from '../../releases/dependency-key.ts';
import { parseReleaseManifest, type ReleaseManifest } from '../../releases/release-manifest.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';

/** What of a release need not be uploaded, since the director has it: the CLI asks before it packs. */
export function packageRoutes({ store, requires }: ApiDeps): Router {
  const router = Router();

  router.post('/packages/matches', consumes(mediaTypes.yaml), requires('admin'), async (req, res) => {
    const manifest = parse(await readText(req));
    if (manifest.compiled) throw unusable();
    if (await brokeOff(manifest)) {
      res.json([]);
      return;
    }
    const found = await store.releases.packagesWithSource(manifest.packages.map((each) => each.fingerprint));
    res.json([...new Set(found.map((each) => each.fingerprint))]);
  });

  router.post('/packages/matches_compiled', consumes(mediaTypes.yaml), requires('admin'), async (req, res) => {
    const manifest = parse(await readText(req));
    if (!manifest.compiled) throw unusable();
    res.json((await brokeOff(manifest)) ? [] : await compiledMatches(manifest));
  });

  return router;

  /** An upload that broke off may have left anything: all of it is wanted again. */
  async function brokeOff({ name, version }: ReleaseManifest): Promise<boolean> {
    return (await store.releases.contents(name, version))?.release.complete === false;
  }

  /**
   * A fingerprint matches when every compiled package that has it is here under its name, stemcell and dependencies:
   * the CLI leaves out all of them or none.
   */
  async function compiledMatches({ compiledPackages }: ReleaseManifest): Promise<string[]> {
    const found = await store.releases.compiledByFingerprint(compiledPackages.map((each) => each.fingerprint));
    const here = new Set(
      found.map((one) => matchKey({ ...one, stemcell: `${one.stemcellOs}/${one.stemcellVersion}` }, one.dependencyKey)),
    );
    const missing = new Set<string>();
    const present = new Set<string>();
    for (const each of compiledPackages) {
      const key = matchKey(each, dependencyKey(each.name, compiledPackages));
      (here.has(key) ? present : missing).add(each.fingerprint);
    }
    return [...present].filter((fingerprint) => !missing.has(fingerprint));
  }
}

function matchKey(pkg: { name: string; fingerprint: string; stemcell: string }, dependencyKey: string): string {
  return JSON.stringify([pkg.name, pkg.fingerprint, pkg.stemcell, dependencyKey]);
}

function parse(text: string): ReleaseManifest {
  try {
    return parseReleaseManifest(text);
  } catch (thrown) {
    if (thrown instanceof InvalidInput) throw unusable(thrown);
    throw thrown;
  }
}

function unusable(cause?: InvalidInput): OperatorError {
  const why = cause === undefined ? '' : `: ${cause.message}`;
  return new OperatorError(`Manifest doesn't have a usable packages section${why}`, { code: 'manifest-invalid' });
}
