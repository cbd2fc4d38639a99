import { join } from 'node:path';
import type { ReleaseAlgorithm } from '../../releases/directory/place.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';
import { dirFlag, releasePlace } from '../release-place.ts';
import { pathFrom } from '../template.ts';

const naming: readonly FlagSpec[] = [
  { name: 'name', value: 'NAME', text: 'Custom release name' },
  { name: 'version', value: 'VERSION', text: 'Custom release version (e.g.: 1.0.0, 1.0-beta.2+dev.10)' },
  { name: 'force', text: 'Ignore Git dirty state check' },
];
const redigestArgs = [{ name: 'PATH' }, { name: 'DESTINATION' }];

/** Commands of release authors, without a director. */
export const localReleaseCommands: readonly CommandSpec[] = [
  {
    name: 'init-release',
    text: 'Initialize release',
    flags: [dirFlag, { name: 'git', text: 'Initialize git repository' }],
    run: async (context, given) => {
      const { initRelease } = await import('../../releases/directory/scaffold.ts');
      const place = releasePlace(context, given.text('dir'));
      await initRelease(place, { git: given.on('git') });
      tell(context, `Began a release in ${place.dir}: generate-job and generate-package go on with it`);
    },
  },
  {
    name: 'reset-release',
    text: 'Reset release',
    flags: [dirFlag],
    run: async (context, given) => {
      const { resetRelease } = await import('../../releases/directory/scaffold.ts');
      const place = releasePlace(context, given.text('dir'));
      await resetRelease(place);
      tell(context, `Removed dev releases, dev builds and blobs from ${place.dir}; final releases stay`);
    },
  },
  {
    name: 'generate-job',
    text: 'Generate job',
    args: [{ name: 'NAME' }],
    flags: [dirFlag],
    run: async (context, given) => {
      const { generateJob } = await import('../../releases/directory/scaffold.ts');
      const [place, name] = [releasePlace(context, given.text('dir')), given.arg(0)];
      await generateJob(place, name);
      tell(
        context,
        `Made ${join(place.dir, 'jobs', name)}: spec names templates, packages and properties, monit processes`,
      );
    },
  },
  {
    name: 'generate-package',
    text: 'Generate package',
    args: [{ name: 'NAME' }],
    flags: [dirFlag],
    run: async (context, given) => {
      const { generatePackage } = await import('../../releases/directory/scaffold.ts');
      const [place, name] = [releasePlace(context, given.text('dir')), given.arg(0)];
      await generatePackage(place, name);
      tell(context, `Made ${join(place.dir, 'packages', name)}: spec names files in src/, packaging builds them`);
    },
  },
  {
    name: 'create-release',
    aliases: ['cr'],
    text: 'Create release',
    args: [{ name: 'PATH', optional: true }],
    flags: [
      dirFlag,
      ...naming,
      {
        name: 'timestamp-version',
        text: 'Create release with the timestamp as the dev version (e.g.: 1+dev.TIMESTAMP)',
      },
      { name: 'final', text: 'Make it a final release' },
      { name: 'tarball', value: 'PATH', text: 'Create release tarball at path (e.g. /tmp/release.tgz)' },
    ],
    run: create,
  },
  {
    name: 'finalize-release',
    text: 'Create final release from dev release tarball',
    args: [{ name: 'PATH' }],
    flags: [dirFlag, ...naming],
    run: async (context, given) => {
      const { finalizeRelease } = await import('../../releases/directory/finalize-release.ts');
      const { showRelease } = await import('../release-tables.ts');
      const place = releasePlace(context, given.text('dir'));
      const release = await finalizeRelease(place, pathFrom(context, given.arg(0)), namingOf(given));
      showRelease(context.ui, release.manifest);
    },
  },
  {
    name: 'vendor-package',
    text: 'Vendor package',
    args: [{ name: 'PACKAGE' }, { name: 'SRC-DIR', optional: true }],
    flags: [dirFlag, { name: 'prefix', value: 'PREFIX', text: 'Prefix to add to the package name' }],
    run: async (context, given) => {
      const { vendorPackage } = await import('../../releases/directory/vendor-package.ts');
      const [to, from] = [releasePlace(context, given.text('dir')), releasePlace(context, given.arg(1))];
      const options = { packageName: given.arg(0), ...(given.on('prefix') ? { prefix: given.text('prefix') } : {}) };
      for (const name of await vendorPackage(to, from, options)) context.ui.line(`Vendored package '${name}'`);
    },
  },
  {
    name: 'inspect-local-release',
    text: 'Display information from release metadata',
    args: [{ name: 'PATH-TO-RELEASE' }],
    run: async (context, given) => {
      const { createReadStream } = await import('node:fs');
      const { inspectRelease } = await import('../../releases/inspect-release.ts');
      const { showRelease } = await import('../release-tables.ts');
      const path = given.arg(0);
      const { manifest } = await inspectRelease(createReadStream(pathFrom(context, path)), path);
      showRelease(context.ui, manifest, path);
    },
  },
  {
    name: 'sha1ify-release',
    text: 'Convert release tarball to use SHA1',
    args: redigestArgs,
    run: (context, given) => redigest(context, given, 'sha1'),
  },
  {
    name: 'sha2ify-release',
    text: 'Convert release tarball to use SHA256',
    args: redigestArgs,
    run: (context, given) => redigest(context, given, 'sha256'),
  },
];

/** For people; in JSON there is no more than the bosh CLI says. */
function tell({ ui, globals }: Context, text: string): void {
  if (!globals.json) ui.line(text);
}

async function create(context: Context, given: Given): Promise<void> {
  const { createRelease, recreateRelease, writeTarball } = await import('../../releases/directory/create-release.ts');
  const { showRelease } = await import('../release-tables.ts');
  const place = releasePlace(context, given.text('dir'));
  const release =
    given.arg(0) === ''
      ? await createRelease(place, {
          ...namingOf(given),
          timestampVersion: given.on('timestamp-version'),
          final: given.on('final'),
        })
      : await recreateRelease(place, pathFrom(context, given.arg(0)));
  const tarball = given.text('tarball');
  const archive = tarball === '' ? '' : await writeTarball(release, pathFrom(context, tarball));
  showRelease(context.ui, release.manifest, archive);
}

function namingOf(given: Given): { name?: string; version?: string; force: boolean } {
  return {
    ...(given.on('name') ? { name: given.text('name') } : {}),
    ...(given.on('version') ? { version: given.text('version') } : {}),
    force: given.on('force'),
  };
}

async function redigest(context: Context, given: Given, algorithm: ReleaseAlgorithm): Promise<void> {
  const { redigestRelease } = await import('../../releases/directory/redigest-release.ts');
  const { showRelease } = await import('../release-tables.ts');
  if (given.arg(1) === '') throw new CliError('the required argument `DESTINATION` was not provided');
  const to = pathFrom(context, given.arg(1));
  const { manifest } = await redigestRelease(pathFrom(context, given.arg(0)), to, algorithm);
  showRelease(context.ui, manifest, to);
}
