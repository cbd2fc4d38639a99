import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { isMap, type YamlMap, type YamlValue } from '../../manifests/value.ts';
import { goYaml } from '../go-yaml.ts';
import { releaseDirInvalid } from './place.ts';

/** config/final.yml with config/private.yml over it. Source: `releasedir/fs_config.go`. */
export interface ReleaseConfig {
  readonly name: string | null;
  /** Null: not said. */
  readonly blobstore: { readonly provider: string; readonly options: YamlMap } | null;
  /** Leave release tarballs uncompressed. */
  readonly noCompression: boolean;
}

/** @throws OperatorError `release-dir-invalid` */
export async function readConfig(dir: string): Promise<ReleaseConfig> {
  const final = await readYamlMap(join(dir, 'config', 'final.yml'));
  const own = await readYamlMap(join(dir, 'config', 'private.yml'));
  const { name, final_name: finalName, no_compression: noCompression } = final;
  if (isName(name) && isName(finalName)) {
    throw releaseDirInvalid(
      'config/final.yml has a name and a final_name',
      'Keep the name: final_name is its old word.',
    );
  }
  const shared = isMap(final['blobstore']) ? final['blobstore'] : {};
  const secret = isMap(own['blobstore']) ? own['blobstore'] : {};
  return {
    name: isName(name) ? String(name) : isName(finalName) ? String(finalName) : null,
    blobstore:
      typeof shared['provider'] === 'string'
        ? { provider: shared['provider'], options: readOptions(dir, shared, secret) }
        : null,
    noCompression: noCompression === true,
  };
}

/** @throws OperatorError `release-dir-invalid` */
export function nameOf(config: ReleaseConfig): string {
  if (config.name !== null) return config.name;
  throw releaseDirInvalid(
    'config/final.yml gives the release no name',
    'Add a name, give one with --name, or go to the top of the release directory.',
  );
}

export async function saveName(dir: string, name: string): Promise<void> {
  const file = join(dir, 'config', 'final.yml');
  const { final_name: _, ...kept } = await readYamlMap(file);
  await mkdir(join(dir, 'config'), { recursive: true });
  await writeFile(file, goYaml({ ...kept, name }));
}

function readOptions(dir: string, shared: YamlMap, secret: YamlMap): YamlMap {
  const options = { ...asMap(shared['options']), ...asMap(secret['options']) };
  const path = options['blobstore_path'];
  if (typeof path === 'string' && !isAbsolute(path)) options['blobstore_path'] = join(dir, path);
  return options;
}

const asMap = (value: YamlValue | undefined): YamlMap => (isMap(value) ? value : {});
/** A name of digits is a number to YAML, and a name all the same. */
const isName = (value: YamlValue | undefined): value is string | number =>
  (typeof value === 'string' && value !== '') || typeof value === 'number';

async function readYamlMap(file: string): Promise<YamlMap> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    const value = parse(text, { version: '1.1', uniqueKeys: false, merge: true }) as YamlValue; // what YAML's core types make
    return asMap(value);
  } catch (thrown) {
    throw releaseDirInvalid(`${file} is no YAML: ${(thrown as Error).message}`); // the parser throws Errors only
  }
}
