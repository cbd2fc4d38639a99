import { addonApplies } from '../addon-placement.ts';
import { parseRuntimeConfig } from '../parse/runtime-config.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { documentOf } from '../yaml.ts';
import { fingerprint } from './equal.ts';

/** What a deployment consists of, none of it interpolated. */
export interface DeploymentSources {
  manifest: YamlMap;
  cloudConfigs: readonly YamlMap[];
  runtimeConfigs: readonly YamlMap[];
  /** The teams that own the deployment, for addons that choose among them. */
  teams: readonly string[];
}

/**
 * The one document that a deployment's diff is made of: its manifest, with the cloud configs' lists over it and what
 * of the runtime configs applies beside it. Source: manifest.rb, the consolidators.
 * @throws InvalidManifest when a runtime config can't be read
 */
export function effectiveManifest({ manifest, cloudConfigs, runtimeConfigs, teams }: DeploymentSources): YamlMap {
  const runtime = applicable(joinRuntimeConfigs(runtimeConfigs), manifest, teams);
  const merged: YamlMap = { ...manifest, ...joinCloudConfigs(cloudConfigs) };
  for (const [key, value] of Object.entries(runtime)) merged[key] = besides(key, merged[key] ?? null, value);
  return merged;
}

function besides(key: string, before: YamlValue, value: YamlValue): YamlValue {
  if (before === null) return value;
  if (['releases', 'variables', 'addons'].includes(key) && Array.isArray(before) && Array.isArray(value)) {
    return union([...before, ...value]);
  }
  return key === 'tags' && isMap(before) && isMap(value) ? { ...value, ...before } : value;
}

function union(items: readonly YamlValue[]): YamlValue[] {
  return [...new Map(items.map((item) => [fingerprint(item), item])).values()];
}

const cloudLists = ['azs', 'vm_types', 'disk_types', 'networks', 'vm_extensions'];

/** Every list, empty ones too; a list that is a whole placeholder stands as it is. Empty when there are no configs. */
export function joinCloudConfigs(configs: readonly YamlMap[]): YamlMap {
  if (configs.every((config) => Object.keys(config).length === 0)) return {};
  const joined: YamlMap = {};
  for (const key of cloudLists) {
    joined[key] = configs.flatMap((config) => {
      const value = config[key] ?? [];
      return Array.isArray(value) ? value : [value];
    });
  }
  const compilation = configs.map((config) => config['compilation']).find((value) => value !== undefined);
  return compilation === undefined ? joined : { ...joined, compilation };
}

export function joinRuntimeConfigs(configs: readonly YamlMap[]): YamlMap {
  if (configs.length === 0) return {};
  const list = (key: string) => configs.flatMap((config) => (Array.isArray(config[key]) ? config[key] : []));
  const joined: YamlMap = { releases: list('releases') };
  for (const key of ['addons', 'variables']) if (list(key).length > 0) joined[key] = list(key);
  const tags = configs.map((config) => config['tags']).find((value) => value !== undefined);
  return tags === undefined ? joined : { ...joined, tags };
}

/** Addons that some instance group gets, and the releases that these need. */
function applicable(runtime: YamlMap, manifest: YamlMap, teams: readonly string[]): YamlMap {
  if (!Array.isArray(runtime['releases'])) return {};
  const { addons } = parseRuntimeConfig(documentOf(runtime)).value;
  const groups = mapsIn(manifest['instance_groups']);
  const applying = addons.filter((addon) =>
    groups.some((group) => addonApplies(addon, candidate(group, manifest, teams))),
  );
  const addonNames = new Set(applying.map(({ name }) => name));
  const releaseNames = new Set(applying.flatMap(({ jobs }) => jobs.map(({ release }) => release)));
  const named = (key: string, names: ReadonlySet<string>) =>
    mapsIn(runtime[key]).filter(({ name }) => names.has(text(name)));
  const { addons: _, ...others } = runtime;
  const kept = named('addons', addonNames);
  return {
    ...others,
    releases: named('releases', releaseNames),
    ...(kept.length === 0 ? {} : { addons: kept }),
  };
}

function candidate(group: YamlMap, manifest: YamlMap, teams: readonly string[]): Parameters<typeof addonApplies>[1] {
  const stemcell = mapsIn(manifest['stemcells']).find(({ alias }) => alias === group['stemcell']);
  const azs = group['azs'];
  return {
    deployment: text(manifest['name']),
    teams,
    group: {
      name: text(group['name']),
      lifecycle: text(group['lifecycle']) || 'service',
      azs: Array.isArray(azs) ? azs.map(text) : null,
      networks: mapsIn(group['networks']).map(({ name }) => ({ name: text(name) })),
      jobs: mapsIn(group['jobs']).map(({ name, release }) => ({ name: text(name), release: text(release) })),
      stemcellOs: typeof stemcell?.['os'] === 'string' ? stemcell['os'] : null,
    },
  };
}

function mapsIn(value: YamlValue | undefined): YamlMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function text(value: YamlValue | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
