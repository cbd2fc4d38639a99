import type { World } from '../support/given-director.ts';
import { releaseName, stemcellName } from './artifacts.ts';

/** What is referred to is there: blobs, and what deployments were deployed with. */
export async function danglingReferences(world: World): Promise<string[]> {
  const { store, blobs, cpi } = world;
  const found: string[] = [];
  for await (const blobId of store.referencedBlobs())
    if ((await blobs.size(blobId)) === undefined) found.push(`blob ${blobId} is referred to and not there`);
  const stemcells = new Map((await store.stemcells.list()).map((each) => [`${each.name}/${each.version}`, each.cid]));
  const images = new Set<string>(cpi.inventory().stemcells.map(({ cid }) => cid));
  for (const deployment of await store.deployments.list()) {
    for (const { name, version } of deployment.releases) {
      const contents = await store.releases.contents(name, version);
      if (contents?.release.complete !== true)
        found.push(`${deployment.name} uses release ${name}/${version}, which is not there`);
    }
    for (const { name, version } of deployment.stemcells) {
      const cid = stemcells.get(`${name}/${version}`);
      if (cid === undefined) found.push(`${deployment.name} uses stemcell ${name}/${version}, which is not there`);
      else if (!images.has(cid)) found.push(`stemcell ${name}/${version} has no image`);
    }
  }
  return found.map((what) => `references: ${what}`);
}

/** After a clean-up of everything, with no deployment left. */
export async function leftovers({ store, blobs, cpi }: World): Promise<string[]> {
  const found: string[] = [];
  const referenced = new Set<string>();
  for await (const blobId of store.referencedBlobs()) referenced.add(blobId);
  for await (const { blobId } of blobs.list()) if (!referenced.has(blobId)) found.push(`blob ${blobId}`);
  for (const { id, name } of await store.releases.allCompiled()) found.push(`compiled package ${id} of ${name}`);
  for (const version of await store.releases.versions(releaseName)) found.push(`release ${releaseName}/${version}`);
  for (const { version } of await store.stemcells.list()) found.push(`stemcell ${stemcellName}/${version}`);
  for (const { cid } of cpi.inventory().disks) found.push(`disk ${cid}`);
  return found.map((what) => `after a clean-up of everything there is still ${what}`);
}
