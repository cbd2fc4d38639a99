import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { describeFaults } from '../../../../../common/errors.ts';
import { propertiesSchema } from '../../../../../director/templates/schema/properties-schema.ts';
import { readYaml } from '../../../../../manifests/yaml.ts';
import { jsonText } from '../../../../../manifests/json.ts';

const draft = 'https://json-schema.org/draft/2020-12/schema';
const check = (schema: object, properties: string) =>
  propertiesSchema(JSON.stringify({ $schema: draft, ...schema }))(JSON.parse(jsonText(readYaml(properties).value)));

describe('properties that fit', () => {
  test.each([
    [{ properties: { port: { type: 'integer' } } }, 'port: 80'],
    [{ properties: { id: { type: 'integer' } } }, 'id: 12345678901234567890'],
    [{ properties: { ip: { format: 'ipv4' } } }, 'ip: 10.0.0.1'],
    [{ properties: { x: { format: 'of-somebody' } } }, 'x: 1'],
    [{ properties: { tls: { properties: { cert: { type: 'certificate' } } } } }, 'tls: {cert: ""}'],
    [{ properties: { cert: { type: ['certificate', 'null'] } } }, 'cert: ~'],
    [{ properties: { cert: { const: { type: 'certificate' } } } }, 'cert: {type: certificate}'],
  ])('%j: %s', (schema, properties) => expect(check(schema, properties)).toEqual([]));

  test('a certificate', () => {
    const pem = execFileSync('openssl', 'req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=a'.split(' '), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const schema = { properties: { cert: { type: 'certificate' } } };
    expect(check(schema, `cert: ${JSON.stringify(pem.toString())}`)).toEqual([]);
  });
});

test('all that does not fit is told, with its path and without its value', () => {
  const schema = {
    required: ['user'],
    additionalProperties: false,
    properties: {
      port: { type: 'integer' },
      mode: { enum: ['fast', 'safe'] },
      tls: { properties: { cert: { type: 'certificate' }, 'a/b': { minLength: 9 } } },
      user: {},
    },
  };
  const faults = check(schema, 'port: s3cret\nmode: slow\ntls: {cert: s3cret, a/b: s3cret}\nprot: 1');
  expect(describeFaults(faults)).toMatchInlineSnapshot(`
    "6 faults
    - properties.user: is missing
    - properties.prot: is not known to the schema (did you mean "port"?)
    - properties.port: must be integer
    - properties.mode: must be one of ["fast","safe"]
    - properties.tls.cert: is not a certificate
    - properties.tls.a/b: must NOT have fewer than 9 characters"
  `);
});

test.each([
  ['{', /JSON/],
  ['{}', /declares no \$schema/],
  [JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#' }), /only .*2020-12.* is supported/],
  [JSON.stringify({ $schema: draft, type: 'nothing' }), /type/],
  [JSON.stringify({ $schema: draft, $ref: 'https://example.com/other' }), /resolve reference/],
])('a schema that can not be used is refused: %s', (text, message) => {
  expect(() => propertiesSchema(text)).toThrow(message);
});

test('two releases may use the same $id', () => {
  const of = (type: string) => ({ $id: 'https://example.com/job', properties: { port: { type } } });
  expect(check(of('string'), 'port: "80"')).toEqual([]);
  expect(check(of('integer'), 'port: 80')).toEqual([]);
});
