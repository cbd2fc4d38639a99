import type { Parsed } from '../fault.ts';
import type { RuntimeConfig } from '../runtime-config.ts';
import type { YamlDocument } from '../yaml.ts';
import { parseAddons } from './addons.ts';
import { Collector } from './collector.ts';
import { parseRelease } from './releases.ts';
import { Section } from './section.ts';
import { readTags } from './tags.ts';
import { parseVariables } from './variables.ts';

const codes = { floatingVersion: 530001, tagsTwice: 530006 } as const;

/**
 * One or several runtime configs, interpolated but for properties, as one: their lists one after the other. Only one
 * may have `tags`. Source: runtime_manifest_parser.rb, runtime_configs_consolidator.rb.
 * @throws InvalidManifest `runtime-config-invalid` with every fault
 */
export function parseRuntimeConfig(documents: YamlDocument | readonly YamlDocument[]): Parsed<RuntimeConfig> {
  const collector = new Collector('runtime config', 'runtime-config-invalid');
  const list = 'value' in documents ? [documents] : documents;
  const roots = list.map((document) => Section.root(collector, document));
  for (const root of roots) root.knows(['releases', 'addons', 'variables', 'tags']);

  const releases = roots.flatMap((root) => root.optionalSections('releases')).map(parseFixedRelease);
  const addons = roots.flatMap((root) => root.optionalSections('addons'));
  const withTags = roots.filter((root) => root.has('tags'));
  for (const root of withTags.slice(1)) {
    root.fault('tags', {
      message: 'another runtime config has "tags" already; only one may',
      boshCode: codes.tagsTwice,
    });
  }
  return collector.finish({
    releases,
    addons: parseAddons(addons, 'runtime', new Set(releases.map(({ name }) => name))),
    variables: parseVariables(roots),
    tags: withTags[0] === undefined ? {} : readTags(withTags[0]),
  });
}

function parseFixedRelease(section: Section): RuntimeConfig['releases'][number] {
  const release = parseRelease(section);
  if (/(^|[._])latest$/.test(release.version)) {
    section.fault('version', {
      message: `"${release.version}" would mean another release with each upload`,
      boshCode: codes.floatingVersion,
      suggestion: 'write the version itself',
    });
  }
  return release;
}
