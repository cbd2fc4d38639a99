import type { Readable } from 'node:stream';
import { isMap, type YamlMap } from '../../manifests/value.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';
import { pathFrom } from '../template.ts';
import { columnsOf } from '../ui/table.ts';

const cloudPropertiesFlag = (text: string): FlagSpec => ({ name: 'cloud-properties', value: 'JSON', text });

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
    name: 'create-stemcell',
    text: 'Create a stemcell without an image, for machines on this computer or an image that is there already',
    args: [{ name: 'PATH' }],
    flags: [
      { name: 'name', value: 'NAME', text: 'Stemcell name', fallback: 'gantry-local' },
      { name: 'os', value: 'OS', text: 'Operating system, as manifests name it (default: the name)' },
      { name: 'version', value: 'VERSION', text: 'Stemcell version', fallback: '1' },
      { name: 'format', value: 'FORMAT', many: true, text: 'Format that the CPI takes', fallback: 'memory' },
      cloudPropertiesFlag('Cloud properties: where a CPI finds the image, such as {"image_id": "..."}'),
    ],
    run: create,
  },
  {
    name: 'repack-stemcell',
    text: 'Repack stemcell',
    args: [{ name: 'PATH-TO-STEMCELL' }, { name: 'PATH-TO-RESULT' }],
    flags: [
      { name: 'name', value: 'NAME', text: 'Repacked stemcell name' },
      cloudPropertiesFlag('Repacked stemcell cloud properties'),
      { name: 'empty-image', text: 'Pack zero byte file instead of image' },
      { name: 'format', value: 'FORMAT', many: true, text: 'Repacked stemcell formats; overrides existing formats' },
      { name: 'version', value: 'VERSION', text: 'Repacked stemcell version' },
    ],
    run: repack,
  },
];

async function create(context: Context, given: Given): Promise<void> {
  const { packStemcell } = await import('../../stemcells/pack-stemcell.ts');
  const name = given.text('name') || 'gantry-local';
  const [operatingSystem, version] = [given.text('os') || name, given.text('version') || '1'];
  const formats = given.on('format') ? given.list('format') : ['memory'];
  const cloudProperties = await cloudPropertiesOf(given);
  const to = pathFrom(context, given.arg(0));
  await writeWhole(packStemcell({ name, version, operatingSystem, formats, cloudProperties }), to);
  context.ui.table({
    columns: columnsOf('Name', 'OS', 'Version', 'Archive'),
    rows: [[name, operatingSystem, version, to]],
    transposed: true,
  });
}

async function repack(context: Context, given: Given): Promise<void> {
  const { createReadStream } = await import('node:fs');
  const { repackStemcell } = await import('../../stemcells/repack-stemcell.ts');
  const changes = {
    ...(given.on('name') ? { name: given.text('name') } : {}),
    ...(given.on('version') ? { version: given.text('version') } : {}),
    ...(given.on('format') ? { formats: given.list('format') } : {}),
    cloudProperties: await cloudPropertiesOf(given),
    emptyImage: given.on('empty-image'),
  };
  const source = createReadStream(pathFrom(context, given.arg(0)), { highWaterMark: 256 * 1024 });
  await writeWhole(repackStemcell(source, changes, given.arg(0)), pathFrom(context, given.arg(1)));
}

async function cloudPropertiesOf(given: Given): Promise<YamlMap> {
  if (!given.on('cloud-properties')) return {};
  const { readYaml } = await import('../../manifests/yaml.ts');
  const { value } = readYaml(given.text('cloud-properties'), '--cloud-properties');
  if (!isMap(value)) throw new CliError('--cloud-properties must be a map');
  return value;
}

/** No half of a file is left behind, nor is one that was there lost to it. */
async function writeWhole(source: Readable, to: string): Promise<void> {
  const { createWriteStream } = await import('node:fs');
  const { rename, rm } = await import('node:fs/promises');
  const { pipeline } = await import('node:stream/promises');
  try {
    await pipeline(source, createWriteStream(`${to}.part`));
    await rename(`${to}.part`, to);
  } finally {
    await rm(`${to}.part`, { force: true });
  }
}
