import type { ReleaseManifest } from '../releases/release-manifest.ts';
import { columnsOf, lines } from './ui/table.ts';
import type { Ui } from './ui/ui.ts';

/** What a release on this machine consists of. */
export function showRelease(ui: Ui, manifest: ReleaseManifest, archive = ''): void {
  const { name, version, commitHash, uncommittedChanges, jobs, packages, compiledPackages } = manifest;
  const commit = (commitHash ?? '') + (uncommittedChanges === true ? '+' : '');
  ui.table({
    columns: columnsOf('Name', 'Version', 'Commit Hash', ...(archive === '' ? [] : ['Archive'])),
    rows: [[name, version, commit, archive]],
    transposed: true,
  });
  ui.table({
    content: 'jobs',
    columns: columnsOf('Job', 'Digest', 'Packages'),
    rows: jobs.map((job) => [`${job.name}/${job.fingerprint}`, job.sha1 ?? '', lines(job.packages ?? [])]),
    sortBy: [{ column: 0 }],
  });
  const compiled = compiledPackages.length > 0;
  ui.table({
    content: 'packages',
    columns: columnsOf('Package', 'Digest', 'Dependencies', ...(compiled ? ['OS', 'OS Version'] : [])),
    rows: [
      ...packages.map((each) => [
        `${each.name}/${each.fingerprint}`,
        each.sha1 ?? '',
        lines(each.dependencies),
        '',
        '',
      ]),
      ...compiledPackages.map((each) => {
        const [os = '', osVersion = ''] = each.stemcell.split('/');
        return [`${each.name}/${each.fingerprint}`, each.sha1 ?? '', lines(each.dependencies), os, osVersion];
      }),
    ].map((row) => (compiled ? row : row.slice(0, 3))),
    sortBy: [{ column: 0 }],
  });
}
