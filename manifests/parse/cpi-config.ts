import type { CpiConfig, CpiDefinition } from '../cpi-config.ts';
import type { Parsed } from '../fault.ts';
import type { YamlDocument } from '../yaml.ts';
import { Collector } from './collector.ts';
import { refuseDuplicates } from './duplicates.ts';
import { Section } from './section.ts';

const repeatedName = 550000;

/**
 * One or several CPI configs, interpolated. Source: cpi_manifest_parser.rb, cpi.rb.
 * @throws InvalidManifest `cpi-config-invalid` with every fault
 */
export function parseCpiConfig(documents: YamlDocument | readonly YamlDocument[]): Parsed<CpiConfig> {
  const collector = new Collector('CPI config', 'cpi-config-invalid');
  const list = 'value' in documents ? [documents] : documents;
  const roots = list.map((document) => Section.root(collector, document));
  for (const root of roots) root.knows(['cpis']);
  const parsed = roots.flatMap((root) => root.sections('cpis')).map((section) => ({ section, ...parseCpi(section) }));
  refuseDuplicates(
    parsed.flatMap(({ section, cpi, former }) => [{ section, name: cpi.name }, ...former]),
    { boshCode: repeatedName, what: 'CPI' },
  );
  return collector.finish({ cpis: parsed.map(({ cpi }) => cpi) });
}

function parseCpi(section: Section): { cpi: CpiDefinition; former: { name: string; section: Section }[] } {
  section.knows(['name', 'type', 'exec_path', 'properties', 'migrated_from']);
  const type = section.text('type');
  const former = section.optionalSections('migrated_from').map((from) => {
    from.knows(['name']);
    return { name: from.text('name'), section: from };
  });
  const cpi = {
    name: section.text('name'),
    type,
    execPath: section.optionalText('exec_path') ?? `/var/vcap/jobs/${type}_cpi/bin/cpi`,
    properties: section.freeMap('properties'),
    migratedFrom: former.map(({ name }) => name),
  };
  return { cpi, former };
}
