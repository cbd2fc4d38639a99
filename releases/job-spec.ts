import { isMap, type YamlMap, type YamlValue } from '../manifests/value.ts';
import { copyNumerals } from '../manifests/yaml/numerals.ts';
import { boshCodes, type ReleaseFault } from './release-fault.ts';

/**
 * job.MF, the `spec` of a job: what it renders, which packages it needs, which properties it knows, which links it
 * gives and takes. Source: `jobs/release/release_job.rb` of bosh for what is refused, docs for the rest.
 */
export interface JobSpec {
  readonly name: string;
  readonly description: string | null;
  /** Source below templates/ to destination below /var/vcap/jobs/NAME, in the order of the spec. */
  readonly templates: ReadonlyMap<string, string>;
  readonly packages: readonly string[];
  /** By dotted name. */
  readonly properties: ReadonlyMap<string, PropertyDefinition>;
  readonly provides: readonly ProvidedLink[];
  readonly consumes: readonly ConsumedLink[];
  /** The whole document, for those who keep it and ask it later (`bosh inspect-release`, the API's /jobs). */
  readonly raw: YamlMap;
}

export interface PropertyDefinition {
  readonly description: string | null;
  /** Undefined: none. Null may be a default. */
  readonly default?: YamlValue;
  readonly type: string | null;
}

export interface ProvidedLink {
  readonly name: string;
  readonly type: string;
  /** Names of the properties that travel with the link. */
  readonly properties: readonly string[];
}

export interface ConsumedLink {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
}

/** A job that renders one of these runs as an errand, by its own name. */
const errandDestinations = new Set(['bin/run', 'bin/run.ps1']);

export function runsAsErrand(spec: JobSpec): boolean {
  return [...spec.templates.values()].some((destination) => errandDestinations.has(destination));
}

/** The spec, and every fault in it. A spec with faults must not be used. */
export function readJobSpec(document: YamlValue): { spec: JobSpec; faults: ReleaseFault[] } {
  const faults: ReleaseFault[] = [];
  if (!isMap(document)) faults.push({ path: '', message: 'must be a map', boshCode: boshCodes.jobMissingManifest });
  const raw = isMap(document) ? document : {};
  const name = typeof raw['name'] === 'string' ? raw['name'] : '';
  if (isMap(document) && name === '')
    faults.push({ path: 'name', message: 'is missing', boshCode: boshCodes.jobInvalidName });
  if (!(raw['logs'] === undefined || raw['logs'] === null || raw['logs'] === false || isMap(raw['logs']))) {
    faults.push({ path: 'logs', message: 'must be a map', boshCode: boshCodes.jobInvalidLogSpec });
  }
  const spec: JobSpec = {
    name,
    description: typeof raw['description'] === 'string' ? raw['description'] : null,
    templates: readTemplates(raw['templates'], faults),
    packages: readTexts(raw['packages'], 'packages', boshCodes.jobInvalidPackageSpec, faults),
    properties: readProperties(raw['properties'], faults),
    provides: readLinks(raw['provides'], 'provides', faults).map(({ name, type, map, path }) => {
      if (map['optional'] !== undefined) {
        faults.push({
          path: `${path}.optional`,
          message: 'only a link that is consumed can be optional',
          boshCode: boshCodes.jobInvalidLinkSpec,
        });
      }
      return {
        name,
        type,
        properties: readTexts(map['properties'], `${path}.properties`, boshCodes.jobInvalidLinkSpec, faults),
      };
    }),
    consumes: readLinks(raw['consumes'], 'consumes', faults).map(({ name, type, map }) => ({
      name,
      type,
      optional: map['optional'] === true,
    })),
    raw,
  };
  return { spec, faults };
}

function readTemplates(value: YamlValue | undefined, faults: ReleaseFault[]): Map<string, string> {
  const templates = new Map<string, string>();
  if (value === undefined || value === null || value === false) return templates;
  if (!isMap(value)) {
    faults.push({
      path: 'templates',
      message: 'must map a source to a destination',
      boshCode: boshCodes.jobMissingTemplateFile,
    });
    return templates;
  }
  for (const [source, destination] of Object.entries(value)) {
    const path = `templates.${source}`;
    if (typeof destination !== 'string') faults.push({ path, message: 'its destination must be a text' });
    else if (leaves(source) || leaves(destination))
      faults.push({ path, message: `"${destination}" leaves the job's directory` });
    else templates.set(source, destination);
  }
  return templates;
}

/** An agent writes to `destination` as root: it must stay where it belongs. */
function leaves(path: string): boolean {
  return path === '' || path.startsWith('/') || path.split('/').includes('..');
}

function readTexts(value: YamlValue | undefined, path: string, boshCode: number, faults: ReleaseFault[]): string[] {
  if (value === undefined || value === null || value === false) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  faults.push({ path, message: 'must be a list of names', boshCode });
  return [];
}

function readProperties(value: YamlValue | undefined, faults: ReleaseFault[]): Map<string, PropertyDefinition> {
  const properties = new Map<string, PropertyDefinition>();
  if (value === undefined || value === null || value === false) return properties;
  if (!isMap(value)) {
    faults.push({ path: 'properties', message: 'must be a map', boshCode: boshCodes.jobInvalidPropertySpec });
    return properties;
  }
  for (const [name, definition] of Object.entries(value)) {
    // `port:` with nothing behind it is a property without a default; BOSH takes any other non-map for the same
    const fields = isMap(definition) ? definition : {};
    const property = {
      description: typeof fields['description'] === 'string' ? fields['description'] : null,
      type: typeof fields['type'] === 'string' ? fields['type'] : null,
      ...(fields['default'] === undefined ? {} : { default: fields['default'] }),
    };
    copyNumerals(fields, property); // a default of 1.0 is printed as such
    properties.set(name, property);
  }
  return properties;
}

function readLinks(value: YamlValue | undefined, key: 'provides' | 'consumes', faults: ReleaseFault[]) {
  const links: Array<{ name: string; type: string; map: YamlMap; path: string }> = [];
  if (value === undefined || value === null) return links;
  const boshCode = boshCodes.jobInvalidLinkSpec;
  if (!Array.isArray(value)) {
    faults.push({ path: key, message: 'must be a list of links, each with a name and a type', boshCode });
    return links;
  }
  value.forEach((map, index) => {
    const path = `${key}.${index}`;
    if (!isMap(map)) return faults.push({ path, message: 'must be a map with a name and a type', boshCode });
    const { name, type } = map;
    if (typeof name !== 'string' || typeof type !== 'string') {
      return faults.push({ path, message: 'must have a name and a type', boshCode });
    }
    if (links.some((link) => link.name === name)) {
      faults.push({
        path: `${path}.name`,
        message: `"${name}" is here twice`,
        boshCode: boshCodes.jobDuplicateLinkName,
      });
    }
    return links.push({ name, type, map, path });
  });
  return links;
}
