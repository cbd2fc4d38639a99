import { Router } from 'express';
import { id, type DiskCid } from '../../common/ids.ts';
import { OperatorError } from '../../common/errors.ts';
import type { AttachDiskArgs, DeleteOrphanedDisksArgs, OrphanDiskArgs } from '../disks/args.ts';
import type { OrphanedDisk } from '../store/instances.ts';
import type { OrphanedDisk as WireDisk } from './contract/operations.ts';
import { deploymentNotFound } from './deployment-lookup.ts';
import type { ApiDeps } from './deps.ts';
import { enqueueFor } from './enqueue.ts';
import { redirectToTask } from './http/answers.ts';
import { pathText, queryText } from './http/query.ts';
import { rubyTime } from './ruby-time.ts';

/** Persistent disks, each by its cid: orphaned ones are listed and deleted, others orphaned and attached. */
export function diskRoutes({ store, tasks, requires }: ApiDeps): Router {
  const router = Router();

  for (const path of ['/disks', '/orphan_disks']) {
    router.get(path, requires('admin'), async (_req, res) => {
      res.json((await store.instances.orphanedDisks()).map(orphanedDiskToWire));
    });

    router.delete(`${path}/:cid`, requires('admin'), async (req, res) => {
      const diskCid = pathText(req, 'cid');
      const orphans = path === '/disks' && (queryText(req, 'orphan') ?? 'false') !== 'false';
      if (orphans) {
        const args: OrphanDiskArgs = { diskCid };
        redirectToTask(res, await enqueueFor(res, tasks, { type: 'orphan_disk', description: 'orphan disk', args }));
        return;
      }
      const used = await store.instances.diskByCid(id<DiskCid>(diskCid));
      if (used !== undefined) throw diskInUse(diskCid, used.instanceId);
      const args: DeleteOrphanedDisksArgs = { diskCids: [diskCid] };
      const wanted = { type: 'delete_orphan_disks', description: 'delete orphan disks', args };
      redirectToTask(res, await enqueueFor(res, tasks, wanted));
    });
  }

  router.put('/disks/:cid/attachments', requires('admin'), async (req, res) => {
    const name = queryText(req, 'deployment') ?? '';
    const deployment = await store.deployments.get(name);
    if (deployment === undefined) throw deploymentNotFound(name);
    const args: AttachDiskArgs = {
      deployment: name,
      group: queryText(req, 'job') ?? '',
      instanceId: queryText(req, 'instance_id') ?? '',
      diskCid: pathText(req, 'cid'),
      copyProperties: queryText(req, 'disk_properties') === 'copy',
    };
    const description = `attach disk '${args.diskCid}' to '${args.group}/${args.instanceId}'`;
    redirectToTask(res, await enqueueFor(res, tasks, { type: 'attach_disk', description, args, deployment }));
  });

  return router;
}

function diskInUse(cid: string, instanceId: string): OperatorError {
  return new OperatorError(`Deleting persistent disk is not supported: ${cid}`, {
    code: 'disk-in-use',
    hint: `It is a disk of instance ${instanceId}. \`bosh orphan-disk ${cid}\` takes it from there; then it can be deleted.`,
    details: { cid, instanceId },
  });
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
