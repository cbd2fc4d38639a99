import { Router } from 'express';
import type { OrphanedDisk } from '../store/instances.ts';
import type { OrphanedDisk as WireDisk, OrphanedVm } from './contract/operations.ts';
import type { ApiDeps } from './deps.ts';
import { plainText } from './http/answers.ts';
import { queryText } from './http/query.ts';
import { rubyTime } from './ruby-time.ts';

/** What deployments have left behind and may be fetched back: disks; VMs and networks, of which we keep none. */
export function orphanRoutes({ store, requires }: ApiDeps): Router {
  const router = Router();

  for (const path of ['/disks', '/orphan_disks']) {
    router.get(path, requires('admin'), async (_req, res) => {
      res.json((await store.instances.orphanedDisks()).map(orphanedDiskToWire));
    });
  }

  // VMs are deleted, never orphaned: their deletion is a step that is tried until it succeeds.
  router.get('/orphaned_vms', requires('admin'), (_req, res) => {
    const none: OrphanedVm[] = [];
    res.json(none);
  });

  router.get('/networks', requires('admin'), (req, res) => {
    const orphaned = queryText(req, 'orphaned');
    if (orphaned === undefined || orphaned === 'false') {
      plainText(res, 500, 'Only orphaned networks can be listed: ask with orphaned=true'); // BOSH answers 500 here, too
      return;
    }
    res.json([]); // managed networks are not built yet: there are none
  });

  return router;
}

export function orphanedDiskToWire(disk: OrphanedDisk): WireDisk {
  return {
    disk_cid: disk.cid,
    size: disk.sizeMib,
    az: disk.az,
    deployment_name: disk.deployment,
    instance_name: disk.instance,
    cloud_properties: disk.cloudProperties,
    orphaned_at: rubyTime(disk.orphanedAtMs),
  };
}
