import { createReadStream } from 'node:fs';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { RemoteArtifact } from '../../director/api/contract/releases.ts';
import type { StemcellUploadCheck, StemcellUploadNeeded } from '../../director/api/contract/stemcells.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { dirFlag } from '../release-place.ts';
import { pathFrom } from '../template.ts';

const existence = (what: string): readonly FlagSpec[] => [
  { name: 'name', value: 'NAME', text: `Name used in existence check (is not used with local ${what} file)` },
  { name: 'version', value: 'VERSION', text: `Version used in existence check (is not used with local ${what} file)` },
  { name: 'sha1', value: 'DIGEST', text: `SHA1 of the remote ${what} (is not used with local files)` },
];

export const uploadCommands: readonly CommandSpec[] = [
  {
    name: 'upload-release',
    aliases: ['ur'],
    text: 'Upload release',
    args: [{ name: 'URL', optional: true }],
    flags: [
      dirFlag,
      { name: 'rebase', text: 'Rebases this release onto the latest version known by the Director' },
      { name: 'fix', text: 'Replaces corrupt and missing jobs and packages' },
      ...existence('release'),
      {
        name: 'stemcell',
        value: 'OS/VERSION',
        text: 'Stemcell that the release is compiled against (remote releases)',
      },
    ],
    run: async (context, given) => {
      const { uploadRelease } = await import('../release-uploads.ts');
      await context.session.director();
      await uploadRelease(context, {
        url: given.arg(0),
        dir: given.text('dir') || '.',
        rebase: given.on('rebase'),
        fix: given.on('fix'),
        name: given.text('name'),
        version: given.text('version'),
        sha1: given.text('sha1'),
        stemcell: given.text('stemcell'),
      });
    },
  },
  {
    name: 'upload-stemcell',
    aliases: ['us'],
    text: 'Upload stemcell',
    args: [{ name: 'URL' }],
    flags: [{ name: 'fix', text: 'Replaces the stemcell if already exists' }, ...existence('stemcell')],
    run: async (context, given) => {
      await context.session.director();
      const url = given.arg(0);
      await (/^https?:\/\//.test(url) ? uploadRemote(context, given) : uploadFile(context, url, given.on('fix')));
    },
  },
];

async function uploadRemote(context: Context, given: Given): Promise<void> {
  const { withoutPassword } = await import('../release-uploads.ts');
  const [url, sha1, fix] = [given.arg(0), given.text('sha1'), given.on('fix')];
  if (!fix && !(await isNeeded(context, given.text('name'), given.text('version')))) return;
  const body: RemoteArtifact = { location: url, ...(sha1 === '' ? {} : { sha1 }) };
  const call = {
    method: 'POST',
    path: withQuery(paths.stemcells, { fix }),
    headers: { 'content-type': mediaTypes.json },
    body: JSON.stringify(body),
  } as const;
  await during(`Uploading remote stemcell '${withoutPassword(url)}'`, context.session.run(call));
}

async function uploadFile(context: Context, url: string, fix: boolean): Promise<void> {
  const { stemcellManifestOf } = await import('../stemcell-file.ts');
  const { tarballUpload } = await import('../release-uploads.ts');
  const path = url.replace(/^file:\/\//, '');
  const file = pathFrom(context, path);
  const { name, version } = await during('Retrieving stemcell info', stemcellManifestOf(createReadStream(file), path));
  if (!fix && !(await isNeeded(context, name, version))) return;
  const label = `${name}/${version}`;
  const call = await tarballUpload(context, withQuery(paths.stemcells, { fix }), { file, label });
  await during('Uploading stemcell file', context.session.run(call));
}

/** The director knows by CPI; without a name there is nothing to ask for. */
async function isNeeded({ ui, session }: Context, name: string, version: string): Promise<boolean> {
  if (name === '' || version === '') return true;
  const check: StemcellUploadCheck = { stemcell: { name, version } };
  const client = await session.director();
  const { needed } = await during(
    'Finding stemcells',
    client.json<StemcellUploadNeeded>({
      method: 'POST',
      path: paths.stemcellUploads,
      headers: { 'content-type': mediaTypes.json },
      body: JSON.stringify(check),
    }),
  );
  if (!needed) ui.line(`Stemcell '${name}/${version}' already exists.`);
  return needed;
}
