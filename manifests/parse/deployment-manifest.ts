import type { DeploymentManifest } from '../deployment-manifest.ts';
import type { Draft, Parsed } from '../fault.ts';
import type { ManifestOptions } from '../options.ts';
import { isMap } from '../value.ts';
import type { YamlDocument } from '../yaml.ts';
import { parseAddons } from './addons.ts';
import { Collector, parsedOf } from './collector.ts';
import { refuseDuplicates } from './duplicates.ts';
import { parseFeatures } from './features.ts';
import { parseInstanceGroup, type Around } from './instance-group.ts';
import { parseReleases, parseStemcells } from './releases.ts';
import { Section, boshCodes } from './section.ts';
import { readTags } from './tags.ts';
import { parseUpdatePolicy } from './update-policy.ts';
import { parseVariables } from './variables.ts';

const canonicalNameTaken = 190006;

/** What moved elsewhere since the first manifests, with BOSH's numbers. Source: manifest_validator.rb. */
const movedKeys: Readonly<Record<string, { boshCode: number; suggestion: string }>> = {
  vm_types: { boshCode: 190014, suggestion: 'move it into the cloud config' },
  azs: { boshCode: 190014, suggestion: 'move it into the cloud config' },
  disk_types: { boshCode: 190014, suggestion: 'move it into the cloud config' },
  compilation: { boshCode: 190014, suggestion: 'move it into the cloud config' },
  networks: { boshCode: 140026, suggestion: 'move it into the cloud config' },
  disk_pools: { boshCode: 140027, suggestion: 'write disk_types into the cloud config' },
  jobs: { boshCode: 140023, suggestion: 'use "instance_groups"' },
  resource_pools: { boshCode: 140028, suggestion: 'write vm_types into the cloud config' },
};

const keys = [
  'name',
  'director_uuid',
  'release',
  'releases',
  'stemcells',
  'update',
  'instance_groups',
  'addons',
  'properties',
  'variables',
  'features',
  'tags',
  ...Object.keys(movedKeys),
];

/**
 * A deployment manifest, interpolated but for properties and env.
 * @throws InvalidManifest `manifest-invalid` with every fault that the manifest shows by itself
 */
export function parseDeploymentManifest(
  document: YamlDocument,
  options: ManifestOptions = {},
): Parsed<DeploymentManifest> {
  return parsedOf(draftDeploymentManifest(document, options));
}

/** The same for whoever has more to check: with faults, what could be read of it. */
export function draftDeploymentManifest(
  document: YamlDocument,
  options: ManifestOptions = {},
): Draft<DeploymentManifest> {
  const name = isMap(document.value) ? document.value['name'] : undefined;
  const collector = new Collector(typeof name === 'string' ? `manifest "${name}"` : 'manifest', 'manifest-invalid');
  return collector.drafted(parseRoot(Section.root(collector, document), options));
}

function parseRoot(root: Section, options: ManifestOptions): DeploymentManifest {
  root.knows(keys);
  for (const [key, moved] of Object.entries(movedKeys)) {
    if (root.has(key)) root.fault(key, { message: `"${key}" has no place in a manifest any more`, ...moved });
  }
  const properties = root.freeMap('properties');
  if (root.has('properties')) {
    root.warn('properties', { message: 'global properties are deprecated', suggestion: 'put them into the jobs' });
  }
  const releases = parseReleases(root);
  const stemcells = parseStemcells(root);
  const update = parseUpdatePolicy(root.section('update'), options);
  const around: Around = {
    releases: new Set(releases.map(({ name }) => name)),
    stemcells: new Set(stemcells.map(({ alias }) => alias)),
    update,
    properties,
    options,
  };
  return {
    name: readName(root),
    releases,
    stemcells,
    update,
    instanceGroups: parseInstanceGroups(root, around),
    addons: parseAddons(root.optionalSections('addons'), 'deployment', around.releases),
    properties,
    variables: parseVariables([root]),
    features: parseFeatures(root),
    tags: readTags(root),
  };
}

function readName(root: Section): string {
  const name = root.text('name');
  if (name === '' || /^[-0-9A-Za-z_+.]+$/.test(name)) return name;
  root.fault('name', {
    message: `"${name}" can't name a deployment`,
    boshCode: boshCodes.notAllowed,
    suggestion: 'use letters, digits and - _ + . only',
  });
  return name;
}

function parseInstanceGroups(root: Section, around: Around): DeploymentManifest['instanceGroups'] {
  const sections = root.optionalSections('instance_groups');
  const groups = sections.map((section) => parseInstanceGroup(section, around));
  refuseDuplicates(
    sections.map((section, i) => ({ section, name: groups[i]?.canonicalName ?? '' })),
    { boshCode: canonicalNameTaken, what: 'instance group whose name in DNS is' },
  );
  return groups;
}
