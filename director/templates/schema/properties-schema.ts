import { X509Certificate } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Fault } from '../../../common/errors.ts';
import { didYouMean } from '../../../common/suggest.ts';
import { isMap, type YamlValue } from '../../../manifests/value.ts';

const draft = 'https://json-schema.org/draft/2020-12/schema';
const schemaCharsMax = 1024 * 1024;

/**
 * The `properties_schema.json` of a job: a JSON Schema of draft 2020-12, with one type more, `certificate` (a
 * certificate in PEM, or empty). Source: BOSH's job_schema_validator.rb.
 *
 * It may take for ever, here and in what it gives: see SchemaChecks.
 * @returns checks properties, parsed from JSON, as the job's templates will see them; empty: they fit
 * @throws Error that says why it can not be used
 */
export function propertiesSchema(text: string): (properties: unknown) => Fault[] {
  const validate = compiled(text);
  return (properties) => {
    const errors = validate(properties) ? [] : (validate.errors ?? []);
    return unique(errors.filter(({ keyword }) => keyword !== 'if').map(faultOf));
  };
}

/** Made once, when it is first needed: compiling the meta-schemas takes far longer than a schema of a job. */
let ajv: Ajv2020 | undefined;

function compiled(text: string): ValidateFunction {
  if (text.length > schemaCharsMax) throw new Error(`it has more than ${schemaCharsMax} characters`);
  const schema = withoutCertificates(JSON.parse(text) as YamlValue); // JSON has no other values
  if (!isMap(schema) || typeof schema['$schema'] !== 'string') throw new Error(`it declares no $schema; say ${draft}`);
  if (schema['$schema'].replace(/#$/, '') !== draft) {
    throw new Error(`its $schema is ${schema['$schema']}; only ${draft} is supported`);
  }
  ajv ??= newAjv();
  try {
    return ajv.compile(schema);
  } finally {
    ajv.removeSchema(schema); // another release may have another schema under the same $id
  }
}

function newAjv(): Ajv2020 {
  const fresh = new Ajv2020({ allErrors: true, strict: false, logger: false, verbose: true, formats });
  return fresh.addKeyword({
    keyword: certificateKeyword,
    schemaType: 'boolean',
    validate: isCertificate,
    errors: false,
  });
}

/** What the formats that manifests have mean; of others, only that they are there is known, and nothing is checked. */
const formats = {
  ipv4: isIPv4,
  ipv6: isIPv6,
  hostname: /^(?=.{1,253}\.?$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i,
  uri: (text: string) => /^[a-z][a-z0-9+.-]*:\S*$/i.test(text) && URL.canParse(text),
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  email: /^[^\s@]+@[^\s@]+$/,
  'date-time': (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/i.test(text) && !Number.isNaN(Date.parse(text)),
};

const certificateKeyword = 'x-certificate';

function isCertificate(_: boolean, value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return true; // `type`, beside it, decides what else there may be
  try {
    new X509Certificate(value);
    return true;
  } catch {
    return false;
  }
}

/** Values of these are data and no schemas: nothing in them is to be read as one. */
const dataKeywords = new Set(['const', 'enum', 'default', 'examples']);

/** `type: certificate` in words that JSON Schema knows. */
function withoutCertificates(schema: YamlValue): YamlValue {
  if (Array.isArray(schema)) return schema.map(withoutCertificates);
  if (!isMap(schema)) return schema;
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, dataKeywords.has(key) ? value : withoutCertificates(value)]),
  );
  const { type } = copy;
  const types = Array.isArray(type) ? type : [type];
  if (!types.includes('certificate')) return copy;
  const plain = [...new Set(types.map((one) => (one === 'certificate' ? 'string' : (one ?? null))))];
  const [only = null] = plain;
  return {
    ...copy,
    type: plain.length === 1 ? only : plain,
    ...(types.includes('string') ? {} : { [certificateKeyword]: true }),
  };
}

/** Never the value itself: it may be a password. */
function faultOf({ instancePath, keyword, params, message = 'does not fit', parentSchema }: ErrorObject): Fault {
  const at = (...more: string[]) =>
    ['properties', ...instancePath.split('/').slice(1).map(unescaped), ...more].join('.');
  const given = params as Record<string, unknown>; // whatever the keyword has
  switch (keyword) {
    case 'required':
      return { path: at(String(given['missingProperty'])), message: 'is missing' };
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(given['additionalProperty'] ?? given['unevaluatedProperty']);
      const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
      return { path: at(name), message: 'is not known to the schema', ...didYouMean(name, known) };
    }
    case 'enum':
      return { path: at(), message: `must be one of ${JSON.stringify(given['allowedValues'])}` };
    case 'const':
      return { path: at(), message: `must be ${JSON.stringify(given['allowedValue'])}` };
    case certificateKeyword:
      return { path: at(), message: 'is not a certificate' };
    default:
      return { path: at(), message };
  }
}

const unescaped = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~');

/** `anyOf` and its kin say the same from several branches. */
function unique(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.path} ${fault.message}`, fault])).values()];
}
