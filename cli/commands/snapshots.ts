import type { Snapshot } from '../../director/api/contract/operations.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching, type DirectorClient } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { oneInstance } from '../slugs.ts';
import { columnsOf, moment } from '../ui/table.ts';

const args = [{ name: 'INSTANCE-GROUP/INSTANCE-ID', optional: true }];

export const snapshotCommands: readonly CommandSpec[] = [
  {
    name: 'snapshots',
    text: 'List snapshots',
    args, // which change nothing, as with bosh
    run: async ({ ui, session }, given) => {
      if (given.arg(0) !== '') oneInstance(given.arg(0));
      const deployment = await session.deployment();
      const snapshots = await snapshotsOf(await session.director(), deployment);
      ui.table({
        content: 'snapshots',
        columns: columnsOf('Instance', 'CID', 'Created At', 'Clean'),
        rows: snapshots.map((each) => [
          `${each.job}/${each.index}`,
          each.snapshot_cid,
          moment(each.created_at),
          String(each.clean),
        ]),
      });
    },
  },
  {
    name: 'take-snapshot',
    text: 'Take snapshot',
    args,
    run: async ({ session }, given) => {
      const slug = given.arg(0) === '' ? undefined : oneInstance(given.arg(0));
      await session.director();
      const deployment = await session.deployment();
      const path =
        slug === undefined
          ? paths.snapshots(deployment)
          : paths.instanceSnapshots(deployment, slug.group, slug.instance);
      const what =
        slug === undefined
          ? `Taking snapshots for deployment '${deployment}'`
          : `Taking snapshot for instance '${slug.group}/${slug.instance}' in deployment '${deployment}'`;
      await during(what, session.run({ method: 'POST', path, body: '' }));
    },
  },
  {
    name: 'delete-snapshot',
    text: 'Delete snapshot',
    args: [{ name: 'CID' }],
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      const deployment = await session.deployment();
      await ui.confirm();
      const cid = given.arg(0);
      try {
        await session.run({ method: 'DELETE', path: paths.snapshot(deployment, cid) });
      } catch (error) {
        // someone else may have been faster
        const left = await snapshotsOf(client, deployment);
        if (left.some((each) => each.snapshot_cid === cid))
          throw new CliError(`Deleting snapshot '${cid}' from deployment '${deployment}'`, error);
      }
    },
  },
  {
    name: 'delete-snapshots',
    text: 'Delete all snapshots in a deployment',
    run: async ({ ui, session }) => {
      await session.director();
      const deployment = await session.deployment();
      await ui.confirm();
      const run = session.run({ method: 'DELETE', path: paths.snapshots(deployment) });
      await during(`Deleting snapshots for deployment '${deployment}'`, run);
    },
  },
];

function snapshotsOf(client: DirectorClient, deployment: string): Promise<Snapshot[]> {
  return fetching<Snapshot[]>(client, 'Finding snapshots', paths.snapshots(deployment));
}
