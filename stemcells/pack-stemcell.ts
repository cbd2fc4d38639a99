import type { Readable } from 'node:stream';
import { stringify } from 'yaml';
import { packArchive, textEntry } from '../common/archive-pack.ts';
import { digestOf } from '../common/digest.ts';
import type { YamlMap } from '../manifests/value.ts';

export interface StemcellParts {
  readonly name: string;
  readonly version: string;
  readonly operatingSystem: string;
  readonly apiVersion?: number;
  readonly formats?: readonly string[];
  readonly cloudProperties?: YamlMap;
  /** Empty (a light stemcell) when it is left out. */
  readonly image?: Buffer;
  /** Text of packages.txt; a line per package. */
  readonly packages?: string;
}

/** A stemcell tarball of these parts, manifest first: for tests, and for light stemcells, whose image is elsewhere. */
export function packStemcell(parts: StemcellParts): Readable {
  const image = parts.image ?? Buffer.alloc(0);
  const document: YamlMap = {
    name: parts.name,
    version: parts.version,
    bosh_protocol: '1', // what every stemcell says since 2012
    api_version: parts.apiVersion ?? 3,
    sha1: digestOf(image, 'sha1'),
    operating_system: parts.operatingSystem,
    ...(parts.formats === undefined ? {} : { stemcell_formats: [...parts.formats] }),
    cloud_properties: parts.cloudProperties ?? {},
  };
  const entries = [textEntry('stemcell.MF', stemcellManifestText(document)), textEntry('image', image)];
  if (parts.packages !== undefined) entries.push(textEntry('packages.txt', parts.packages));
  return packArchive(entries);
}

/** YAML that Ruby, Go and we read alike. */
export function stemcellManifestText(document: YamlMap): string {
  return `---\n${stringify(document, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`;
}
