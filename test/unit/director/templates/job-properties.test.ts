import { describe, expect, test } from 'vitest';
import { jobProperties as bind } from '../../../../director/templates/job-properties.ts';
import { rubyJson } from '../../../../director/templates/ruby-json.ts';
import type { YamlValue } from '../../../../manifests/value.ts';
import { readJobSpec } from '../../../../releases/job-spec.ts';
import { readYaml } from '../../../../manifests/yaml.ts';

const jobProperties = (job: string, definitions: Record<string, { default?: YamlValue }>, provided: YamlValue) =>
  bind(job, new Map(Object.entries(definitions)), provided);

describe('properties of a job', () => {
  test('only what the spec declares reaches the templates, and a declared one without value is null', () => {
    const definitions = { 'web.port': { default: 8080 }, 'web.host': {}, debug: {} };
    expect(jobProperties('web', definitions, { web: { port: 9090, secret: 'x' }, other: 1 })).toEqual({
      web: { port: 9090, host: null },
      debug: null,
    });
  });

  test('a default gives way to anything but null, and is never merged into what the manifest says', () => {
    const definitions = { limits: { default: { cpu: 1, ram: 2 } }, on: { default: true }, size: { default: 3 } };
    expect(jobProperties('web', definitions, { limits: { cpu: 4 }, on: false, size: null })).toEqual({
      limits: { cpu: 4 },
      on: false,
      size: 3,
    });
  });

  test('one declared path may lie below another', () => {
    const definitions = { tls: { default: { ca: 'CA' } }, 'tls.port': { default: 443 } };
    expect(jobProperties('web', definitions, {})).toEqual({ tls: { ca: 'CA', port: 443 } });
    expect(jobProperties('web', { a: { default: false }, 'a.b': { default: 1 } }, {})).toEqual({ a: { b: 1 } });
  });

  test('the order in a manifest changes nothing, but lists keep theirs', () => {
    const definitions = { users: {}, list: {} };
    const bound = jobProperties('web', definitions, { users: { b: { z: 1, a: 2 }, a: 1 }, list: [{ z: 1, a: 2 }] });
    expect(JSON.stringify(bound)).toBe('{"users":{"a":1,"b":{"a":2,"z":1}},"list":[{"z":1,"a":2}]}');
  });

  test('the manifest and the defaults are not touched', () => {
    const provided = { tls: { b: 1, a: 2 } };
    const definitions = { tls: {}, 'tls.c': { default: 3 } };
    jobProperties('web', definitions, provided);
    expect(JSON.stringify(provided)).toBe('{"tls":{"b":1,"a":2}}');
  });

  test('every path that meets something else than a mapping is named', () => {
    const definitions = { 'a.b': {}, 'c.d.e': {}, f: { default: 'text' }, 'f.g': {} };
    expect(() => jobProperties('web', definitions, { a: 'x', c: { d: [1] } })).toThrow(
      expect.objectContaining({
        code: 'job-properties-invalid',
        faults: [
          { path: 'properties.a.b', message: "property 'a.b' expects a hash, but received a string" },
          { path: 'properties.c.d.e', message: "property 'c.d.e' expects a hash, but received a list" },
          { path: 'properties.f.g', message: "property 'f.g' expects a hash, but received a string" },
        ],
      }),
    );
  });

  test('a key that JavaScript knows is a key like any other', () => {
    const provided = JSON.parse('{"__proto__":{"x":1}}') as YamlValue;
    const bound = bind(
      'web',
      new Map([
        ['__proto__.x', {}],
        ['constructor', {}],
      ]),
      provided,
    );
    expect(JSON.stringify(bound)).toBe('{"__proto__":{"x":1},"constructor":null}');
  });

  test('a float stays a float on its way to Ruby, from the manifest and from the spec', () => {
    const { value } = readYaml('rates: {b: 2.0, a: 1}\nlist: [3.0, 3, -0.0]\nweight: 1.0\nlarge: 12345678901234567890');
    const { value: document } = readYaml(
      '{name: web, properties: {rates: {}, list: {}, weight: {}, large: {}, share: {default: 5.0}, half: {default: .5}}}',
    );
    const bound = bind('web', readJobSpec(document).spec.properties, value);
    expect(rubyJson(bound)).toBe(
      '{"rates":{"a":1,"b":2.0},"list":[3.0,3,-0.0],"weight":1.0,"large":12345678901234567890,"share":5.0,"half":0.5}',
    );
  });
});
