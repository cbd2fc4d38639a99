import type { OrphanedDisk } from '../../director/api/contract/operations.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { oneInstance } from '../slugs.ts';

export const diskCommands: readonly CommandSpec[] = [
  {
    name: 'attach-disk',
    text: 'Attach disk to an instance',
    args: [{ name: 'INSTANCE-GROUP/INSTANCE-ID' }, { name: 'DISK-CID' }],
    flags: [
      {
        name: 'disk-properties',
        value: 'PROPERTIES',
        text: "Disk properties to use for the new disk. Use 'copy' to copy the properties from the currently attached disk",
      },
    ],
    run: async ({ session }, given) => {
      await session.director();
      const deployment = await session.deployment();
      const { group, instance } = oneInstance(given.arg(0));
      const path = withQuery(paths.diskAttachments(given.arg(1)), {
        deployment,
        job: group,
        instance_id: instance,
        disk_properties: given.text('disk-properties'),
      });
      await session.run({ method: 'PUT', path, body: '' });
    },
  },
  {
    name: 'orphan-disk',
    text: 'Orphan disk',
    args: [{ name: 'CID' }],
    run: async ({ ui, session }, given) => {
      await session.director();
      await ui.confirm();
      const cid = given.arg(0);
      const path = withQuery(paths.disk(cid), { orphan: 'true' });
      await during(`Orphaning disk '${cid}'`, session.run({ method: 'DELETE', path }));
    },
  },
  {
    name: 'delete-disk',
    text: 'Delete disk',
    args: [{ name: 'CID' }],
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      await ui.confirm();
      const cid = given.arg(0);
      try {
        await session.run({ method: 'DELETE', path: paths.disk(cid) });
      } catch (error) {
        // someone else may have been faster
        const left = await fetching<OrphanedDisk[]>(client, 'Finding orphaned disks', paths.disks);
        if (left.some((each) => each.disk_cid === cid)) throw new CliError(`Deleting orphaned disk '${cid}'`, error);
      }
    },
  },
];
