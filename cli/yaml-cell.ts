import { isMap, type YamlMap, type YamlValue } from '../manifests/value.ts';

/** What came as JSON, as a value that can be written as YAML; keys sorted, as Go writes its maps. */
export function valueOf(json: unknown): YamlValue {
  if (Array.isArray(json)) return json.map(valueOf);
  if (typeof json !== 'object' || json === null) return json as YamlValue; // JSON has nothing else
  const sorted = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, value]) => [key, valueOf(value)]));
}

/** In a cell: YAML, or nothing when there is nothing in it. */
export async function yamlCell(json: unknown): Promise<string> {
  const value = valueOf(json ?? null);
  const empty = value === null || (Array.isArray(value) ? value.length === 0 : isMap(value) && isEmpty(value));
  if (empty) return '';
  const { writeYaml } = await import('../manifests/yaml.ts');
  return writeYaml(value).trim();
}

const isEmpty = (map: YamlMap) => Object.keys(map).length === 0;
