import type { DeploymentSummary } from '../../director/api/contract/deployments.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type {
  ExportRequest,
  ExportResult,
  ReleaseDetails,
  ReleaseSummary,
} from '../../director/api/contract/releases.ts';
import type { Stemcell } from '../../director/api/contract/stemcells.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { nameAndVersion, shownVersion } from '../slugs.ts';
import { columnsOf, version } from '../ui/table.ts';

const force = { name: 'force', text: 'Ignore errors' };
const byName = [{ column: 0 }, { column: 1, descending: true }];

export const artifactCommands: readonly CommandSpec[] = [
  {
    name: 'stemcells',
    aliases: ['ss'],
    text: 'List stemcells',
    run: async ({ ui, session }) => {
      const stemcells = await fetching<Stemcell[]>(await session.director(), 'Finding stemcells', paths.stemcells);
      ui.table({
        content: 'stemcells',
        columns: columnsOf('Name', 'Version', 'OS', 'CPI', 'CID'),
        rows: stemcells.map((each) => [
          each.name,
          version(
            shownVersion(each.version, `stemcell '${each.name}/${each.version}'`),
            each.deployments.length > 0 ? '*' : '',
          ),
          each.operating_system ?? '',
          each.cpi ?? '',
          each.cid ?? '',
        ]),
        sortBy: byName,
        notes: ['(*) Currently deployed'],
      });
    },
  },
  {
    name: 'releases',
    aliases: ['rs'],
    text: 'List releases',
    run: async ({ ui, session }) => {
      const releases = await fetching<ReleaseSummary[]>(await session.director(), 'Finding releases', paths.releases);
      ui.table({
        content: 'releases',
        columns: columnsOf('Name', 'Version', 'Commit Hash'),
        rows: releases.flatMap(({ name, release_versions }) =>
          release_versions.map((each) => [
            name,
            version(
              shownVersion(each.version, `release '${name}/${each.version}'`),
              each.currently_deployed ? '*' : '',
            ),
            (each.commit_hash ?? '') + (each.uncommitted_changes ? '+' : ''),
          ]),
        ),
        sortBy: byName,
        notes: ['(*) Currently deployed', '(+) Uncommitted changes'],
      });
    },
  },
  {
    name: 'inspect-release',
    text: 'List release contents such as jobs',
    args: [{ name: 'NAME/VERSION' }],
    run: inspect,
  },
  {
    name: 'delete-release',
    aliases: ['delr'],
    text: 'Delete release',
    args: [{ name: 'NAME[/VERSION]' }],
    flags: [force],
    run: deleteRelease,
  },
  {
    name: 'delete-stemcell',
    aliases: ['dels'],
    text: 'Delete stemcell',
    args: [{ name: 'NAME/VERSION' }],
    flags: [force],
    run: async ({ ui, session }, given) => {
      const { name, version: wanted } = nameAndVersion(given.arg(0));
      const client = await session.director();
      await ui.confirm();
      const path = withQuery(paths.stemcell(name, wanted), { force: given.on('force') });
      try {
        await session.run({ method: 'DELETE', path });
      } catch (error) {
        const left = await fetching<Stemcell[]>(client, 'Finding stemcells', paths.stemcells);
        if (left.some((each) => each.name === name && each.version === wanted))
          throw new CliError(`Deleting stemcell '${name}/${wanted}'`, error);
      }
    },
  },
  {
    name: 'export-release',
    text: 'Export the compiled release to a tarball',
    args: [{ name: 'NAME/VERSION' }, { name: 'OS/VERSION' }],
    flags: [
      { name: 'dir', value: 'DIR', text: 'Destination directory', fallback: '.' },
      { name: 'job', value: 'NAME', many: true, text: 'Name of job to export' },
    ],
    run: exportRelease,
  },
];

async function inspect({ ui, session }: Context, given: Given): Promise<void> {
  const { name, version: wanted } = nameAndVersion(given.arg(0));
  const path = withQuery(paths.release(name), { version: wanted });
  const release = await fetching<ReleaseDetails>(await session.director(), `Finding release '${name}/${wanted}'`, path);
  const jobs = release.jobs.map(async (job) => [
    `${job.name}/${job.fingerprint}`,
    job.blobstore_id,
    job.sha1,
    await linkCell(job.consumes),
    await linkCell(job.provides),
  ]);
  ui.table({
    content: 'jobs',
    columns: columnsOf('Job', 'Blobstore ID', 'Digest', 'Links Consumed', 'Links Provided'),
    rows: await Promise.all(jobs),
    sortBy: [{ column: 0 }],
  });
  ui.table({
    content: 'packages',
    count: release.packages.length,
    columns: columnsOf('Package', 'Compiled for', 'Blobstore ID', 'Digest'),
    rows: release.packages.flatMap(({ name: packageName, fingerprint, blobstore_id, sha1, compiled_packages }) => {
      const slug = `${packageName}/${fingerprint}`;
      return [
        [slug, '(source)', blobstore_id ?? '', sha1 ?? ''],
        ...compiled_packages.map((each) => [slug, each.stemcell, each.blobstore_id, each.sha1]),
      ];
    }),
    sortBy: [{ column: 0 }],
  });
}

/** What a link is known by; its properties are for those who read the job's spec. */
async function linkCell(links: readonly unknown[] | null): Promise<string> {
  if (links === null || links.length === 0) return '';
  const { writeYaml } = await import('../../manifests/yaml.ts');
  const shown = links.map((link) => {
    const { name = '', type = '', optional = false } = link as { name?: string; type?: string; optional?: boolean }; // as job specs have them
    return { name, type, ...(optional ? { optional } : {}) };
  });
  return writeYaml(shown).trim();
}

async function deleteRelease({ ui, session }: Context, given: Given): Promise<void> {
  const slug = given.arg(0);
  const { name, version: wanted } = slug.includes('/') ? nameAndVersion(slug) : { name: slug, version: '' };
  const client = await session.director();
  await ui.confirm();
  const exists = async () => {
    const all = await fetching<ReleaseSummary[]>(client, 'Finding releases', paths.releases);
    const versions = all.find((each) => each.name === name)?.release_versions ?? [];
    return wanted === '' ? versions.length > 0 : versions.some((each) => each.version === wanted);
  };
  if (!(await exists())) return ui.line(`Release '${slug}' does not exist.`);
  const path = withQuery(paths.release(name), { version: wanted, force: given.on('force') });
  try {
    await session.run({ method: 'DELETE', path });
  } catch (error) {
    if (await exists()) throw new CliError(`Deleting release ${wanted === '' ? 'or series ' : ''}'${slug}'`, error);
  }
}

async function exportRelease(context: Context, given: Given): Promise<void> {
  const { session } = context;
  const release = nameAndVersion(given.arg(0));
  const stemcell = nameAndVersion(given.arg(1), 'os/version');
  const jobs = [...given.list('job')].sort();
  const client = await session.director();
  const deployment = await session.deployment();
  if (jobs.length > 0) {
    const deployments = await fetching<DeploymentSummary[]>(client, 'Finding deployments', paths.deployments);
    const used = deployments.find((each) => each.name === deployment)?.releases ?? [];
    const path = withQuery(paths.release(release.name), { version: release.version });
    const known = used.some((each) => each.name === release.name && each.version === release.version)
      ? (await fetching<ReleaseDetails>(client, `Finding release '${given.arg(0)}'`, path)).jobs
      : [];
    const absent = jobs.find((job) => !known.some(({ name }) => name === job));
    if (absent !== undefined) throw new CliError(`Job '${absent}' for release '${given.arg(0)}' doesn't exist`);
  }
  const request: ExportRequest = {
    deployment_name: deployment,
    release_name: release.name,
    release_version: release.version,
    stemcell_os: stemcell.name,
    stemcell_version: stemcell.version,
    sha2: true,
    jobs: jobs.map((name) => ({ name })),
  };
  const call = {
    method: 'POST',
    path: paths.exportRelease,
    headers: { 'content-type': mediaTypes.json },
    body: JSON.stringify(request),
  } as const;
  const result = await during(`Exporting release: '${given.arg(0)}'`, session.run(call));
  const { blobstore_id: blobId, sha1 } = JSON.parse(result) as ExportResult; // the contract's
  const prefix = [...jobs, release.name, release.version, stemcell.name, stemcell.version].join('-');
  const { downloadResource } = await import('../download.ts');
  await during(
    'Downloading exported release',
    downloadResource(context, { blobId, digest: sha1, prefix, dir: given.text('dir') || '.' }),
  );
}
