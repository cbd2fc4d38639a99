import { didYouMean } from '../../common/suggest.ts';
import type { Az, CloudConfig, DiskType, VmExtension, VmType } from '../cloud-config.ts';
import type { Parsed } from '../fault.ts';
import type { CloudConfigOptions } from '../options.ts';
import { documentOf, type YamlDocument } from '../yaml.ts';
import { Collector } from './collector.ts';
import { parseCompilation } from './compilation.ts';
import { refuseDuplicates } from './duplicates.ts';
import { parseNetworks } from './networks.ts';
import { Section } from './section.ts';

const codes = {
  noNetworks: 190008,
  duplicateAz: 190017,
  duplicateVmType: 190004,
  duplicateVmExtension: 190005,
  duplicateDiskType: 190013,
  compilationTwice: 570000,
  badDiskSize: 200001,
} as const;

const keys = ['azs', 'networks', 'vm_types', 'vm_extensions', 'disk_types', 'compilation'];

/**
 * One or several cloud configs, interpolated but for cloud properties. Several are one config whose lists are those of
 * all, one after the other; only one may have `compilation`. Source: cloud_manifest_parser.rb,
 * cloud_configs_consolidator.rb.
 * @throws InvalidManifest `cloud-config-invalid` with every fault
 */
export function parseCloudConfig(
  documents: YamlDocument | readonly YamlDocument[],
  options: CloudConfigOptions = {},
): Parsed<CloudConfig> {
  const collector = new Collector('cloud config', 'cloud-config-invalid');
  const [one = documentOf(null), ...more] = 'value' in documents ? [documents] : documents;
  const root = Section.root(collector, one);
  const roots = [root, ...more.map((document) => Section.root(collector, document))] as const;
  for (const each of roots) each.knows(keys);
  const all = (key: string) => roots.flatMap((each) => each.optionalSections(key));

  const azs = named(all('azs'), parseAz, { what: 'AZ', boshCode: codes.duplicateAz });
  const vmTypes = named(all('vm_types'), parseOpaque, { what: 'VM type', boshCode: codes.duplicateVmType });
  const vmExtensions = named(all('vm_extensions'), parseOpaque, {
    what: 'VM extension',
    boshCode: codes.duplicateVmExtension,
  });
  const diskTypes = named(all('disk_types'), parseDiskType, { what: 'disk type', boshCode: codes.duplicateDiskType });
  const networks = new Map(
    parseNetworks(all('networks'), new Set(azs.keys()), options).map((network) => [network.name, network]),
  );
  if (
    networks.size === 0 &&
    roots.every(({ map }) => !Array.isArray(map['networks']) || map['networks'].length === 0)
  ) {
    root.fault(root.has('networks') ? 'networks' : null, {
      message: 'there are no networks; at least one is needed',
      boshCode: codes.noNetworks,
      ...didYouMean(
        'networks',
        Object.keys(root.map).filter((key) => key !== 'networks'),
      ),
    });
  }
  const compilation = parseCompilation(compilationSection([root, ...roots.slice(1)]), {
    azs,
    networks,
    vmTypes,
    vmExtensions,
  });
  return collector.finish({ azs, networks, vmTypes, vmExtensions, diskTypes, compilation });
}

/** The one that there is; where there is none, the first config is told so. */
function compilationSection(roots: readonly [Section, ...Section[]]): Section {
  const [first, ...others] = roots.filter((root) => root.has('compilation'));
  for (const other of others) {
    other.fault('compilation', {
      message: 'another cloud config has "compilation" already; only one may',
      boshCode: codes.compilationTwice,
    });
  }
  return (first ?? roots[0]).section('compilation');
}

function named<T extends { name: string }>(
  sections: readonly Section[],
  parse: (section: Section) => T,
  duplicate: { what: string; boshCode: number },
): Map<string, T> {
  const parsed = sections.map((section) => ({ section, value: parse(section) }));
  refuseDuplicates(
    parsed.map(({ section, value }) => ({ section, name: value.name })),
    duplicate,
  );
  return new Map(parsed.map(({ value }) => [value.name, value]));
}

function parseAz(section: Section): Az {
  section.knows(['name', 'cloud_properties', 'cpi']);
  return {
    name: section.text('name'),
    cpi: section.optionalText('cpi'),
    cloudProperties: section.freeMap('cloud_properties'),
  };
}

function parseOpaque(section: Section): VmType & VmExtension {
  section.knows(['name', 'cloud_properties']);
  return { name: section.text('name'), cloudProperties: section.freeMap('cloud_properties') };
}

function parseDiskType(section: Section): DiskType {
  section.knows(['name', 'disk_size', 'cloud_properties']);
  return {
    name: section.text('name'),
    sizeMib: section.integer('disk_size', { min: 0, boshCode: codes.badDiskSize }),
    cloudProperties: section.freeMap('cloud_properties'),
  };
}
