import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { jobProperties } from '../../director/templates/job-properties.ts';
import type { JobTemplates, TemplateSpec } from '../../director/templates/renderer.ts';
import { isMap, type YamlMap, type YamlValue } from '../../manifests/value.ts';
import { readYaml } from '../../manifests/yaml.ts';
import { readJobSpec, type JobSpec } from '../../releases/job-spec.ts';

/** One template, to be rendered with one set of values. */
export interface FidelityCase {
  readonly name: string;
  readonly values: 'defaults' | 'filled in';
  readonly job: JobTemplates;
  readonly spec: TemplateSpec;
  /** For the oracle, which binds properties itself. */
  readonly provided: YamlMap;
  readonly specFile: string;
  readonly sourceFile: string;
  readonly filename: string;
}

export async function casesOf(release: string): Promise<FidelityCase[]> {
  const jobsDir = join(release, 'jobs');
  const jobs = (await readdir(jobsDir)).sort();
  const cases = await Promise.all(jobs.map((job) => casesOfJob(release, join(jobsDir, job))));
  return cases.flat();
}

async function casesOfJob(release: string, dir: string): Promise<FidelityCase[]> {
  const specFile = join(dir, 'spec');
  const { spec, faults } = readJobSpec(readYaml(await readFile(specFile, 'utf8'), specFile).value);
  if (faults.length > 0) throw new Error(`${specFile}: ${JSON.stringify(faults)}`);
  const monit = join(dir, 'monit');
  const sources = [...spec.templates.keys()].map((source) => ({ source, file: join(dir, 'templates', source) }));
  if (existsSync(monit)) sources.push({ source: 'monit', file: monit });
  const texts = await Promise.all(sources.map(({ file }) => readFile(file)));
  const asked = new Set(texts.flatMap((text) => linkPropertiesIn(text.toString('utf8'))));
  return sources.flatMap(({ source, file }, at) => {
    const shared = {
      name: `${basename(release)} ${spec.name}/${source}`,
      // Alone in its job, so that a fault of one template does not hide the others.
      job: {
        name: spec.name,
        monit: '',
        templates: [{ source, destination: 'out', text: texts[at] ?? '' }],
      },
      specFile,
      sourceFile: file,
      filename: `${spec.name}/${source}`,
    };
    const filled = filledIn(spec);
    return [
      { ...shared, values: 'defaults' as const, provided: {}, spec: instanceOf(spec, {}, {}) },
      {
        ...shared,
        values: 'filled in' as const,
        provided: filled,
        spec: instanceOf(spec, filled, linksOf(spec, asked)),
      },
    ];
  });
}

function instanceOf(job: JobSpec, provided: YamlMap, links: YamlMap): TemplateSpec {
  return {
    deployment: 'cf',
    job: { name: 'web' },
    name: 'web',
    index: 1,
    bootstrap: false,
    id: '6a4b1d3e-0000-4000-8000-00000000beef',
    az: 'z1',
    address: 'q-s0.web.default.cf.bosh',
    ip: '10.0.0.7',
    dns_domain_name: 'bosh',
    persistent_disk: 10240,
    networks: {
      default: {
        type: 'manual',
        ip: '10.0.0.7',
        netmask: '255.255.255.0',
        gateway: '10.0.0.1',
        default: ['dns', 'gateway'],
        dns: ['10.0.0.2'],
        dns_record_name: '1.web.default.cf.bosh',
      },
    },
    release: { name: 'trial', version: '1' },
    properties: jobProperties(job.name, job.properties, provided),
    links,
  };
}

/** Where the author gave an example, that; else something of the kind that name and default let guess. */
function filledIn({ properties, raw }: JobSpec): YamlMap {
  const filled: YamlMap = {};
  const definitions = isMap(raw['properties']) ? raw['properties'] : {};
  for (const [path, { default: standard }] of properties) {
    const definition = definitions[path];
    const example = isMap(definition) ? definition['example'] : undefined;
    placeAt(filled, path.split('.'), valueFor(path, standard, example));
  }
  return filled;
}

function valueFor(path: string, standard: YamlValue | undefined, example: YamlValue | undefined): YamlValue {
  // Many authors wrote a block of text where they mean what it says as YAML.
  if (typeof example === 'string' && example.includes('\n') && /^(- |[\w-]+:)/.test(example))
    return readYaml(example).value;
  if (example !== undefined && example !== null) return example;
  if (typeof standard === 'number') return standard + 1;
  if (typeof standard === 'boolean') return !standard;
  if (standard !== undefined && standard !== null && standard !== '') return standard;
  const last = path.split('.').at(-1) ?? path;
  if (/port$|size$|count$|timeout|limit|_seconds$|interval/.test(last)) return 4321;
  if (/enabled?$|^enable|disable|^use_|skip/.test(last)) return true;
  if (/(hosts|servers|urls|names|list|ips|users|domains|databases|addons|recipients)$/.test(last))
    return [`one-${last}`, `two-${last}`];
  if (/ca|cert|key|pem/.test(last)) return `-----BEGIN ${last}-----\nMIIB/ä+=\n-----END ${last}-----\n`;
  return `${last} "quoted" 'value' \\ $HOME <&> ü`;
}

function placeAt(filled: YamlMap, keys: readonly string[], value: YamlValue): void {
  const [key = '', ...rest] = keys;
  if (rest.length === 0) {
    if (!isMap(filled[key])) filled[key] = value;
    return;
  }
  const below = filled[key];
  if (isMap(below)) return placeAt(below, rest, value);
  filled[key] = {};
  placeAt(filled[key], rest, value);
}

/** Whatever a template asks of any link, each link has. */
function linkPropertiesIn(text: string): string[] {
  return [...text.matchAll(/\b\w+(?:\([^)]*\))?\.(?:if_)?p\(\s*["']([^"']+)["']/g)].map(([, path = '']) => path);
}

function linksOf({ consumes }: JobSpec, asked: ReadonlySet<string>): YamlMap {
  const properties: YamlMap = {};
  for (const path of asked) placeAt(properties, path.split('.'), valueFor(path, undefined, undefined));
  const instances = [0, 1].map((index) => ({
    name: 'db',
    id: `0000000${index}-1111-4222-8333-444444444444`,
    index,
    bootstrap: index === 0,
    az: `z${index + 1}`,
    address: `10.0.1.${index + 10}`,
    properties,
  }));
  return Object.fromEntries(
    consumes.map(({ name }) => [name, { instances, properties, address: `${name}.link.bosh` }]),
  );
}
