import { parseDigest } from '../common/digest.ts';
import { type Fault, InvalidInput } from '../common/errors.ts';
import { parseVersion } from '../common/version.ts';
import { isMap, type YamlMap, type YamlValue } from '../manifests/value.ts';

/** stemcell.MF. Source: `jobs/update_stemcell.rb` of bosh for what is required, `stemcell/stemcell.go` of bosh-cli. */
export interface StemcellManifest {
  readonly name: string;
  /** Text always, though many write it as a number. */
  readonly version: string;
  /** The name, where the manifest has none. */
  readonly operatingSystem: string;
  /** Multi-digest of the image. BOSH keeps it and never checks it: repacked and light stemcells carry that of another. */
  readonly sha1: string;
  readonly boshProtocol: string | null;
  /** 1 where the manifest has none; from 2 on agents need no registry, from 3 on they take signed URLs. */
  readonly apiVersion: number;
  /** Null: not said, and any CPI may try. */
  readonly formats: readonly string[] | null;
  readonly cloudProperties: YamlMap;
  /** The whole document, for repacking. */
  readonly raw: YamlMap;
}

/** A stemcell that can't be used, with everything that is wrong with it. Code `stemcell-invalid`. */
export class InvalidStemcell extends InvalidInput {
  constructor(what: string, faults: readonly Fault[]) {
    super(what, faults, { code: 'stemcell-invalid', hint: 'Download the stemcell again, or ask who built it.' });
  }
}

/**
 * @param document stemcell.MF with its versions still as text (see `readStemcellDocument`)
 * @throws InvalidStemcell with every fault
 */
export function readStemcellManifest(document: YamlValue, what = 'stemcell.MF'): StemcellManifest {
  if (!isMap(document)) throw new InvalidStemcell(what, [{ path: '', message: 'must be a map' }]);
  const faults: Fault[] = [];
  const name = requiredText(document, 'name', faults);
  const version = requiredText(document, 'version', faults);
  const sha1 = requiredText(document, 'sha1', faults);
  if (version !== '' && !isStemcellVersion(version)) {
    faults.push({ path: 'version', message: `"${version}" is not a version of a stemcell` });
  }
  if (sha1 !== '' && !isDigest(sha1)) faults.push({ path: 'sha1', message: `"${sha1}" is not a digest` });
  const manifest: StemcellManifest = {
    name,
    version,
    sha1,
    operatingSystem: optionalText(document, 'operating_system', faults) ?? name,
    boshProtocol: optionalText(document, 'bosh_protocol', faults) ?? null,
    apiVersion: readApiVersion(document, faults),
    formats: readFormats(document, faults),
    cloudProperties: readCloudProperties(document, faults),
    raw: document,
  };
  if (faults.length > 0) throw new InvalidStemcell(what, faults);
  return manifest;
}

/** Light: the image is already at the infrastructure, and cloud properties say which one it is. */
export function isLight({ name }: Pick<StemcellManifest, 'name'>, imageBytes: number): boolean {
  return imageBytes === 0 || name.startsWith('light-');
}

function requiredText(document: YamlMap, key: string, faults: Fault[]): string {
  const value = optionalText(document, key, faults);
  if (value === undefined && (document[key] === undefined || document[key] === null)) {
    faults.push({ path: key, message: 'is missing' });
  }
  return value ?? '';
}

function optionalText(document: YamlMap, key: string, faults: Fault[]): string | undefined {
  const value = document[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  faults.push({ path: key, message: 'must be a text' });
  return undefined;
}

function readApiVersion(document: YamlMap, faults: Fault[]): number {
  const value = document['api_version'];
  if (value === undefined || value === null) return 1;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  faults.push({ path: 'api_version', message: 'must be a whole number from 1' });
  return 1;
}

function readFormats(document: YamlMap, faults: Fault[]): string[] | null {
  const value = document['stemcell_formats'];
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.every((format) => typeof format === 'string')) return value;
  faults.push({ path: 'stemcell_formats', message: 'must be a list of texts' });
  return null;
}

function readCloudProperties(document: YamlMap, faults: Fault[]): YamlMap {
  const value = document['cloud_properties'];
  if (value === undefined || value === null) return {};
  if (isMap(value)) return value;
  faults.push({ path: 'cloud_properties', message: 'must be a map' });
  return {};
}

/** Stemcell versions have no post-release part, and old ones used `_` for `.`. */
function isStemcellVersion(text: string): boolean {
  const version = parseVersion(text.replaceAll('_', '.'));
  return version !== undefined && version.post === null;
}

function isDigest(text: string): boolean {
  try {
    parseDigest(text);
    return true;
  } catch {
    return false;
  }
}
