import { didYouMean } from '../../common/suggest.ts';
import type { Parsed } from '../fault.ts';
import type { DeployConfig, DeployFlag, ResurrectionConfig, ResurrectionFilter } from '../small-configs.ts';
import { isMap, type YamlMap } from '../value.ts';
import type { YamlDocument } from '../yaml.ts';
import { Collector } from './collector.ts';
import { Section, describe } from './section.ts';

const badConfig = 440011;
const flags: readonly DeployFlag[] = [
  'fix-releases',
  'fix',
  'recreate',
  'recreate-persistent-disks',
  'skip-upload-releases',
];

/** @throws InvalidManifest `deploy-config-invalid` */
export function parseDeployConfig(document: YamlDocument): Parsed<DeployConfig> {
  const collector = new Collector('deploy config', 'deploy-config-invalid');
  const root = Section.root(collector, document);
  root.knows(['flags', 'include', 'exclude']);
  const config = {
    flags: root.texts('flags').flatMap((text) => {
      const flag = flags.find((known) => known === text);
      if (flag === undefined)
        root.warn('flags', { message: `"${text}" is no flag; it is ignored`, ...didYouMean(text, flags) });
      return flag === undefined ? [] : [flag];
    }),
    include: root.texts('include'),
    exclude: root.texts('exclude'),
  };
  if (config.include.length > 0 && config.exclude.length > 0) {
    root.warn('exclude', { message: 'with both "include" and "exclude" the config applies to no deployment' });
  }
  return collector.finish(config);
}

/** @throws InvalidManifest `resurrection-config-invalid` */
export function parseResurrectionConfig(document: YamlDocument): Parsed<ResurrectionConfig> {
  const collector = new Collector('resurrection config', 'resurrection-config-invalid');
  const root = Section.root(collector, document);
  root.knows(['rules']);
  const rules = root.optionalSections('rules').map((rule) => {
    rule.knows(['enabled', 'include', 'exclude']);
    if (!rule.has('enabled')) rule.fault(null, { message: '"enabled" is missing (true or false)' });
    return {
      enabled: rule.boolean('enabled', true),
      include: filter(rule, 'include'),
      exclude: filter(rule, 'exclude'),
    };
  });
  return collector.finish({ rules });
}

function filter(rule: Section, key: string): ResurrectionFilter {
  const section = rule.optionalSection(key) ?? rule.below([key], {});
  section.knows(['deployments', 'instance_groups']);
  return { deployments: section.texts('deployments'), instanceGroups: section.texts('instance_groups') };
}

/** Any other type of config: a map, and no more is asked. @throws InvalidManifest `config-invalid` */
export function parseAnyConfig(document: YamlDocument): Parsed<YamlMap> {
  const collector = new Collector('config', 'config-invalid');
  const { value } = document;
  if (isMap(value)) return collector.finish(value);
  collector.fault(document, [], {
    message: `a config must be a map, but it is ${describe(value)}`,
    boshCode: badConfig,
  });
  return collector.finish({});
}
