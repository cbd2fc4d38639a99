import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { generateValue } from '../generate/generate.ts';
import { InvalidManifest } from '../fault.ts';
import { isMap, type YamlMap, type YamlValue } from '../value.ts';
import { readYaml, writeYaml } from '../yaml.ts';
import type { VariableRequest, VariableSource } from './source.ts';

/**
 * `--vars-store`: a YAML file of variables, to which what is made is added. This is the one part of manifests/ that
 * touches files. Written after each value that is made, so that a failure later loses none; not meant for two
 * processes at once, like the bosh CLI's.
 * @param others sources that stand before the store: a CA may come from them
 */
export function varsStore(path: string, others: readonly VariableSource[], now: () => Date): VariableSource {
  const source: VariableSource = {
    get: async (request) => {
      const values = await load(path);
      if (Object.hasOwn(values, request.name)) return values[request.name];
      if (request.type === null) return undefined;
      const made = await make(request, [...others, source], now);
      await save(path, { ...values, [request.name]: made });
      return made;
    },
    names: async () => Object.keys(await load(path)),
  };
  return source;
}

async function make(
  { name, type, options }: VariableRequest,
  sources: readonly VariableSource[],
  now: () => Date,
): Promise<YamlValue> {
  return generateValue({
    name,
    type: type ?? '',
    options,
    now: now(),
    authority: async (authorityName) => {
      for (const source of sources) {
        const value = await source.get({ name: authorityName, type: null, options: {} });
        if (value !== undefined) return value;
      }
      return undefined;
    },
  });
}

async function load(path: string): Promise<YamlMap> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const { value } = readYaml(text, path);
  if (value === null) return {};
  if (isMap(value)) return value;
  const fault = { path: '', message: 'a vars store is a map of names and values' };
  throw new InvalidManifest(path, [fault], { code: 'variables-invalid' });
}

/** Whole or not at all, and for its owner's eyes: it holds private keys. */
async function save(path: string, values: YamlMap): Promise<void> {
  const beside = `${path}.new`;
  await rm(beside, { force: true }); // an old one may have other rights
  await writeFile(beside, writeYaml(values), { mode: 0o600, flag: 'wx' });
  await rename(beside, path);
}
