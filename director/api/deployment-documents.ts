import { resolveVersion } from '../../common/version.ts';
import { addonApplies, type AddonCandidate } from '../../manifests/addon-placement.ts';
import { parseRuntimeConfig } from '../../manifests/parse/runtime-config.ts';
import { isMap, type YamlMap, type YamlValue } from '../../manifests/value.ts';
import { documentOf } from '../../manifests/yaml.ts';
import { numeralOf } from '../../manifests/yaml/numerals.ts';
import type { Store } from '../store/store.ts';

/** A manifest and what it is deployed with, as documents. */
export interface DeploymentDocuments {
  manifest: YamlMap;
  cloudConfigs: readonly YamlMap[];
  runtimeConfigs: readonly YamlMap[];
}

/**
 * All of a deployment as one document, for showing what differs: the manifest, the cloud configs, of the runtime
 * configs what applies to it; `latest` versions as what they stand for. Variables stay placeholders.
 * Source: manifest.rb, cloud_configs_consolidator.rb, runtime_configs_consolidator.rb.
 */
export async function wholeDocument(
  { manifest, cloudConfigs, runtimeConfigs }: DeploymentDocuments,
  teams: readonly string[],
  store: Pick<Store, 'releases' | 'stemcells'>,
): Promise<YamlMap> {
  const runtime = applicable(mergeRuntimeConfigs(runtimeConfigs), { manifest, teams });
  const whole: YamlMap = { ...manifest, ...mergeCloudConfigs(cloudConfigs) };
  for (const [key, value] of Object.entries(runtime)) whole[key] = mergeKey(key, whole[key], value);
  return resolveVersions(whole, store);
}

const cloudLists = ['azs', 'vm_types', 'disk_types', 'networks', 'vm_extensions'];

function mergeCloudConfigs(configs: readonly YamlMap[]): YamlMap {
  if (configs.every((config) => Object.keys(config).length === 0)) return {};
  const merged: YamlMap = {};
  for (const key of cloudLists) merged[key] = configs.flatMap((config) => listOf(config[key]));
  const compilation = configs.map((config) => config['compilation']).find(isMap);
  return compilation === undefined ? merged : { ...merged, compilation };
}

function mergeRuntimeConfigs(configs: readonly YamlMap[]): YamlMap {
  if (configs.length === 0) return {};
  const merged: YamlMap = { releases: configs.flatMap((config) => listOf(config['releases'])) };
  for (const key of ['addons', 'variables']) {
    const all = configs.flatMap((config) => listOf(config[key]));
    if (all.length > 0) merged[key] = all;
  }
  const tags = configs.map((config) => config['tags']).find(isMap);
  return tags === undefined ? merged : { ...merged, tags };
}

/** Only addons that go onto some group, and releases that those need. */
function applicable(runtime: YamlMap, of: { manifest: YamlMap; teams: readonly string[] }): YamlMap {
  if (Object.keys(runtime).length === 0) return {};
  const candidates = candidatesOf(of.manifest, of.teams);
  const { addons } = parseRuntimeConfig(documentOf(runtime)).value;
  const applying = addons.filter((addon) => candidates.some((candidate) => addonApplies(addon, candidate)));
  const names = new Set(applying.map((addon) => addon.name));
  const releases = new Set(applying.flatMap((addon) => addon.jobs.map((job) => job.release)));
  const { addons: _, ...rest } = runtime;
  const shown = listOf(runtime['addons']).filter((addon) => names.has(textAt(addon, 'name')));
  return {
    ...rest,
    releases: listOf(runtime['releases']).filter((release) => releases.has(textAt(release, 'name'))),
    ...(shown.length === 0 ? {} : { addons: shown }),
  };
}

/** The groups as filters of addons see them. Lenient: what is wrong with the manifest, the deploy will say. */
function candidatesOf(manifest: YamlMap, teams: readonly string[]): AddonCandidate[] {
  const stemcells = new Map(listOf(manifest['stemcells']).map((each) => [textAt(each, 'alias'), textAt(each, 'os')]));
  return listOf(manifest['instance_groups'])
    .filter(isMap)
    .map((group) => ({
      deployment: textAt(manifest, 'name'),
      teams,
      group: {
        name: textAt(group, 'name'),
        lifecycle: textAt(group, 'lifecycle') || 'service',
        azs: Array.isArray(group['azs']) ? group['azs'].map(String) : null,
        networks: listOf(group['networks']).map((network) => ({ name: textAt(network, 'name') })),
        jobs: listOf(group['jobs']).map((job) => ({ name: textAt(job, 'name'), release: textAt(job, 'release') })),
        stemcellOs: stemcells.get(textAt(group, 'stemcell')) || null,
      },
    }));
}

function mergeKey(key: string, old: YamlValue | undefined, now: YamlValue): YamlValue {
  if (old === undefined || old === null) return now;
  if (key === 'tags' && isMap(old) && isMap(now)) return { ...now, ...old };
  if (!['releases', 'variables', 'addons'].includes(key) || !Array.isArray(old) || !Array.isArray(now)) return now;
  const seen = new Set<string>();
  return [...old, ...now].filter((item) => {
    const print = JSON.stringify(item, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    if (seen.has(print)) return false;
    seen.add(print);
    return true;
  });
}

async function resolveVersions(whole: YamlMap, store: Pick<Store, 'releases' | 'stemcells'>): Promise<YamlMap> {
  const resolved = { ...whole };
  if (Array.isArray(whole['releases'])) {
    resolved['releases'] = await eachMap(whole['releases'], async (release) => {
      const versions = await store.releases.versions(textAt(release, 'name'));
      return { ...release, version: resolvedVersion(release, versions) };
    });
  }
  if (Array.isArray(whole['stemcells'])) {
    resolved['stemcells'] = await eachMap(whole['stemcells'], async (stemcell) => {
      const [name, os] = [textAt(stemcell, 'name'), textAt(stemcell, 'os')];
      const known = name === '' ? await store.stemcells.ofSystem(os) : await store.stemcells.ofName(name);
      const version = resolvedVersion(stemcell, [...new Set(known.map((each) => each.version))]);
      const system = os || known.find((each) => each.version === version)?.operatingSystem;
      return { ...stemcell, version, ...(system === undefined || system === '' ? {} : { os: system }) };
    });
  }
  return resolved;
}

/** As text, and itself where nothing is there yet that `latest` could stand for. */
function resolvedVersion(reference: YamlMap, available: readonly string[]): string {
  const wanted = textAt(reference, 'version');
  return /(^|\.)latest$/.test(wanted) ? (resolveVersion(wanted, available) ?? wanted) : wanted;
}

function eachMap(list: readonly YamlValue[], change: (map: YamlMap) => Promise<YamlMap>): Promise<YamlValue[]> {
  return Promise.all(list.map(async (item) => (isMap(item) ? change(item) : item)));
}

const listOf = (value: YamlValue | undefined): YamlValue[] => (Array.isArray(value) ? value : []);

function textAt(map: YamlValue | undefined, key: string): string {
  const value = isMap(map) ? map[key] : undefined;
  if (value === undefined || value === null || typeof value === 'object') return '';
  return (isMap(map) ? numeralOf(map, key) : undefined) ?? String(value);
}
