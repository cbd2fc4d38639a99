import type { CustomProvider, LinkAlias, LinkConsumption, LinkProvision } from '../links.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { describe, type Section } from './section.ts';

/*
 * What a job says about links. BOSH has no numbers for faults here, so neither have these.
 * Source: link_helpers.rb, link_providers_parser.rb, link_consumers_parser.rb.
 */

export function readProvides(job: Section): Map<string, LinkProvision> {
  return new Map(
    job.entries('provides').flatMap(([name, value]): [string, LinkProvision][] => {
      const link = linkSection(job, 'provides', name, value);
      if (link === 'blocked') return [[name, { kind: 'blocked' }]];
      return link === undefined ? [] : [[name, provision(link)]];
    }),
  );
}

export function readConsumes(job: Section): Map<string, LinkConsumption> {
  return new Map(
    job.entries('consumes').flatMap(([name, value]): [string, LinkConsumption][] => {
      const link = linkSection(job, 'consumes', name, value);
      if (link === 'blocked') return [[name, { kind: 'blocked' }]];
      return link === undefined ? [] : [[name, consumption(link)]];
    }),
  );
}

/** The text `nil` blocks a link; anything else must be a map, and mustn't say what the release says. */
function linkSection(job: Section, key: string, name: string, value: YamlValue): Section | 'blocked' | undefined {
  if (value === 'nil') return 'blocked';
  const at = job.below([key, name], isMap(value) ? value : {});
  if (!isMap(value)) {
    at.fault(null, {
      message: `a link is a map or the text nil, but it is ${describe(value)}`,
      suggestion: 'write {} to leave everything to the release, or nil to block the link',
    });
    return undefined;
  }
  for (const fixed of ['name', 'type']) {
    if (at.has(fixed))
      at.fault(fixed, { message: `the "${fixed}" of a link is set by its release`, suggestion: 'leave it out' });
  }
  return at;
}

function provision(link: Section): LinkProvision {
  link.knows(['as', 'shared', 'aliases', 'name', 'type']);
  return {
    kind: 'provided',
    as: link.optionalText('as'),
    shared: link.raw('shared') === true, // whatever else is written there, BOSH takes for false
    aliases: link.optionalSections('aliases').map(readAlias),
  };
}

function readAlias(alias: Section): LinkAlias {
  alias.knows(['domain', 'health_filter', 'initial_health_check', 'placeholder_type']);
  return {
    domain: alias.text('domain'),
    healthFilter: alias.optionalText('health_filter'),
    initialHealthCheck: alias.optionalText('initial_health_check'),
    placeholderType: alias.optionalText('placeholder_type'),
  };
}

function consumption(link: Section): LinkConsumption {
  link.knows(['from', 'deployment', 'network', 'ip_addresses', 'instances', 'properties', 'address', 'name', 'type']);
  for (const key of ['instances', 'properties']) {
    if (link.has(key) && link.has('from'))
      link.fault(key, { message: `a link has either "${key}" or "from", not both` });
  }
  if (link.has('properties') && !link.has('instances')) {
    link.fault('properties', { message: 'a link with "properties" needs "instances" too' });
  }
  const ipAddresses = link.optionalBoolean('ip_addresses');
  if (link.has('instances') || link.has('properties') || link.has('address')) {
    const instances = link.optionalSections('instances').map(({ map }) => map);
    return { kind: 'manual', instances, properties: link.freeMap('properties'), address: link.raw('address') ?? null };
  }
  return {
    kind: 'from',
    from: link.optionalText('from'),
    deployment: link.optionalText('deployment'),
    network: link.optionalText('network'),
    ipAddresses,
  };
}

export function readCustomProviders(job: Section): CustomProvider[] {
  const sections = job.optionalSections('custom_provider_definitions');
  const names = new Set<string>();
  return sections.map((provider) => {
    provider.knows(['name', 'type', 'properties']);
    const name = nonEmpty(provider, 'name');
    if (name !== '' && names.has(name)) {
      provider.fault('name', { message: `the job defines a provider "${name}" already` });
    }
    names.add(name);
    return { name, type: nonEmpty(provider, 'type'), properties: provider.texts('properties') };
  });
}

function nonEmpty(section: Section, key: string): string {
  const text = section.text(key);
  if (text === '' && section.raw(key) === '') section.fault(key, { message: `"${key}" must not be empty` });
  return text;
}

/** Recursively, maps into maps; any other value of `over` replaces. Source: recursive_merge of the director. */
export function mergeProperties(base: YamlMap, over: YamlMap): YamlMap {
  const merged: YamlMap = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = base[key];
    merged[key] = isMap(before) && isMap(value) ? mergeProperties(before, value) : value;
  }
  return merged;
}
