import { isMap } from '../../manifests/value.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';
import { pathFrom } from '../template.ts';
import { columnsOf } from '../ui/table.ts';

export const localStemcellCommands: readonly CommandSpec[] = [
  {
    name: 'inspect-local-stemcell',
    text: 'Display information from stemcell metadata',
    args: [{ name: 'PATH-TO-STEMCELL' }],
    run: async (context, given) => {
      const { createReadStream } = await import('node:fs');
      const { stemcellManifestOf } = await import('../stemcell-file.ts');
      const source = createReadStream(pathFrom(context, given.arg(0)));
      const { name, operatingSystem, version, cloudProperties } = await stemcellManifestOf(source, given.arg(0));
      const text = (key: string, absent: string) =>
        typeof cloudProperties[key] === 'string' ? cloudProperties[key] : absent;
      context.ui.table({
        content: 'stemcell-metadata',
        columns: columnsOf('Name', 'OS', 'Version', 'Infrastructure', 'Hypervisor'),
        rows: [[name, operatingSystem, version, text('infrastructure', 'unknown'), text('hypervisor', '-')]],
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'repack-stemcell',
    text: 'Repack stemcell',
    args: [{ name: 'PATH-TO-STEMCELL' }, { name: 'PATH-TO-RESULT' }],
    flags: [
      { name: 'name', value: 'NAME', text: 'Repacked stemcell name' },
      { name: 'cloud-properties', value: 'JSON', text: 'Repacked stemcell cloud properties' },
      { name: 'empty-image', text: 'Pack zero byte file instead of image' },
      { name: 'format', value: 'FORMAT', many: true, text: 'Repacked stemcell formats; overrides existing formats' },
      { name: 'version', value: 'VERSION', text: 'Repacked stemcell version' },
    ],
    run: repack,
  },
];

async function repack(context: Context, given: Given): Promise<void> {
  const { createReadStream, createWriteStream } = await import('node:fs');
  const { rename, rm } = await import('node:fs/promises');
  const { pipeline } = await import('node:stream/promises');
  const { readYaml } = await import('../../manifests/yaml.ts');
  const { repackStemcell } = await import('../../stemcells/repack-stemcell.ts');
  const properties = given.on('cloud-properties')
    ? readYaml(given.text('cloud-properties'), '--cloud-properties').value
    : {};
  if (!isMap(properties)) throw new CliError('--cloud-properties must be a map');
  const changes = {
    ...(given.on('name') ? { name: given.text('name') } : {}),
    ...(given.on('version') ? { version: given.text('version') } : {}),
    ...(given.on('format') ? { formats: given.list('format') } : {}),
    cloudProperties: properties,
    emptyImage: given.on('empty-image'),
  };
  const to = pathFrom(context, given.arg(1));
  try {
    const source = createReadStream(pathFrom(context, given.arg(0)), { highWaterMark: 256 * 1024 });
    await pipeline(repackStemcell(source, changes, given.arg(0)), createWriteStream(`${to}.part`));
    await rename(`${to}.part`, to);
  } finally {
    await rm(`${to}.part`, { force: true });
  }
}
