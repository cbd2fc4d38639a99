import type { CleanUpPlan, CleanUpRequest } from '../../director/api/contract/operations.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { columnsOf, type Table } from '../ui/table.ts';

export const cleanUpCommands: readonly CommandSpec[] = [
  {
    name: 'clean-up',
    text: 'Clean up old unused resources except orphaned disks',
    flags: [
      { name: 'all', text: 'Clean up all unused resources including all orphaned disks' },
      { name: 'dry-run', text: 'Print out the resources that will be deleted but does not delete anything' },
      { name: 'keep-orphaned-disks', text: "Keep orphaned disks even with '--all'" },
    ],
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      const [removeAll, keepDisks] = [given.on('all'), given.on('keep-orphaned-disks')];
      if (given.on('dry-run')) {
        const query = { remove_all: String(removeAll), keep_orphaned_disks: String(keepDisks) };
        const plan = await fetching<CleanUpPlan>(
          client,
          'Cleaning up resources',
          withQuery(paths.cleanUpDryRun, query),
        );
        for (const table of tablesOf(plan)) ui.table(table);
        return;
      }
      await ui.confirm();
      const request: CleanUpRequest = { config: { remove_all: removeAll, keep_orphaned_disks: keepDisks } };
      await during(
        'Cleaning up resources',
        session.run({
          method: 'POST',
          path: paths.cleanUp,
          headers: { 'content-type': mediaTypes.json },
          body: JSON.stringify(request),
        }),
      );
    },
  },
];

function tablesOf(plan: CleanUpPlan): Table[] {
  const sortBy = [{ column: 0 }];
  const table = (title: string, titles: readonly string[], rows: Table['rows']): Table => ({
    title,
    columns: columnsOf(...titles),
    rows,
    sortBy,
  });
  const blobs = (ids: readonly string[]) => ids.map((id) => [id]);
  return [
    table(
      'Unused Releases',
      ['Name', 'Version'],
      plan.releases.flatMap(({ name, versions }) => versions.map((version) => [name, version])),
    ),
    table(
      'Unused Stemcells',
      ['Name', 'Version'],
      plan.stemcells.map(({ name, version }) => [name, version]),
    ),
    table(
      'Unused Compiled Packages',
      ['Name', 'Stemcell OS', 'Stemcell Version'],
      plan.compiled_packages.map((each) => [each.package_name, each.stemcell_os, each.stemcell_version]),
    ),
    table('Exported Releases', ['Blob ID'], blobs(plan.exported_releases)),
    table('Stale DNS Record Blobs', ['Blob ID'], blobs(plan.dns_blobs)),
    table(
      'Orphaned Disks',
      ['Disk CID', 'Deployment', 'Instance', 'Size (mb)'],
      plan.orphaned_disks.map((disk) => [disk.disk_cid, disk.deployment_name, disk.instance_name, String(disk.size)]),
    ),
    table(
      'Orphaned VMs',
      ['VM CID', 'Deployment', 'Instance'],
      plan.orphaned_vms.map((vm) => [vm.cid, vm.deployment_name, vm.instance_name]),
    ),
  ];
}
