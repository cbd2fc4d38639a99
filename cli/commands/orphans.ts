import type { OrphanedDisk, OrphanedVm, ResurrectionRequest } from '../../director/api/contract/operations.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import { fetching } from '../director-client.ts';
import { CliError } from '../failure.ts';
import { withQuery } from '../query.ts';
import { columnsOf, lines, moment } from '../ui/table.ts';
import { binaryBytes } from '../ui/format.ts';

interface OrphanedNetwork {
  readonly name: string;
  readonly type: string;
  readonly created_at: string;
  readonly orphaned_at: string;
}

const orphaned = (what: string) => [{ name: 'orphaned', short: 'o', text: `List orphaned ${what}` }];

/** What deployments have left behind. */
export const orphanCommands: readonly CommandSpec[] = [
  {
    name: 'disks',
    text: 'List disks',
    flags: orphaned('disks'),
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      mustBeOrphaned(given);
      const disks = await fetching<OrphanedDisk[]>(client, 'Finding orphaned disks', paths.disks);
      ui.table({
        content: 'disks',
        columns: columnsOf('Disk CID', 'Size', 'Deployment', 'Instance', 'AZ', 'Orphaned At'),
        rows: disks.map((each) => [
          each.disk_cid,
          { text: binaryBytes(each.size * 1024 * 1024), rank: each.size },
          each.deployment_name,
          each.instance_name,
          each.az ?? '',
          moment(each.orphaned_at),
        ]),
        sortBy: [{ column: 5, descending: true }],
      });
    },
  },
  {
    name: 'networks',
    text: 'List networks',
    flags: orphaned('networks'),
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      mustBeOrphaned(given);
      const path = withQuery(paths.networks, { orphaned: 'true' });
      const networks = await fetching<OrphanedNetwork[]>(client, 'Finding orphaned networks', path);
      ui.table({
        content: 'networks',
        columns: columnsOf('Name', 'Type', 'Created At', 'Orphaned At'),
        rows: networks.map((each) => [each.name, each.type, moment(each.created_at), moment(each.orphaned_at)]),
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'orphaned-vms',
    text: 'List all the orphaned VMs in all deployments',
    run: async ({ ui, session }) => {
      const vms = await fetching<OrphanedVm[]>(await session.director(), 'Finding orphaned VMs', paths.orphanedVms);
      ui.table({
        content: 'orphaned_vms',
        columns: columnsOf('VM CID', 'Deployment', 'Instance', 'AZ', 'IPs', 'Orphaned At'),
        rows: vms.map((each) => [
          each.cid,
          each.deployment_name,
          each.instance_name,
          each.az ?? '',
          lines(each.ip_addresses),
          moment(each.orphaned_at),
        ]),
        sortBy: [{ column: 5, descending: true }],
      });
    },
  },
  {
    name: 'delete-vm',
    text: 'Delete VM',
    args: [{ name: 'CID' }],
    run: async ({ ui, session }, given) => {
      await session.director();
      await ui.confirm();
      await session.run({ method: 'DELETE', path: paths.vm(given.arg(0)) });
    },
  },
  {
    name: 'update-resurrection',
    text: 'Enable/disable resurrection',
    args: [{ name: 'on|off', words: ['on', 'off'] }],
    run: async ({ session }, given) => {
      const word = given.arg(0);
      if (word !== 'on' && word !== 'off') throw new CliError(`Expected 'on' or 'off' but got '${word}'`);
      const client = await session.director();
      const request: ResurrectionRequest = { resurrection_paused: word === 'off' };
      await client.call({
        method: 'PUT',
        path: paths.resurrection,
        headers: { 'content-type': mediaTypes.json },
        body: JSON.stringify(request),
      });
    },
  },
];

function mustBeOrphaned(given: Given): void {
  if (!given.on('orphaned')) throw new CliError('Only --orphaned is supported');
}
