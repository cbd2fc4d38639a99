import { describe, expect, test } from 'vitest';
import { interpolate, type InterpolateOptions } from '../../../manifests/interpolate.ts';
import type { YamlValue } from '../../../manifests/value.ts';
import { staticVariables, type VariableSource } from '../../../manifests/vars/source.ts';
import { readYaml } from '../../../manifests/yaml.ts';

const fill = (text: string, values: Record<string, YamlValue>, options: Partial<InterpolateOptions> = {}) =>
  interpolate(readYaml(text).value, { sources: [staticVariables(values)], ...options });

/** Makes a text for each definition that has a type, and remembers in which order and with what options. */
function makingSource(): VariableSource & { made: string[] } {
  const values = new Map<string, string>();
  const made: string[] = [];
  return {
    made,
    get: ({ name, type, options }) => {
      if (type !== null && !values.has(name)) {
        made.push(`${name} ${JSON.stringify(options)}`);
        values.set(name, `made-${name}`);
      }
      return Promise.resolve(values.get(name));
    },
    names: () => Promise.resolve([...values.keys()]),
  };
}

describe('interpolation', () => {
  test('puts a value in place of a whole text with its type, and into a text as text', async () => {
    expect(await fill('{a: ((x)), b: "<((x))>", c: ((m)), d: (( x ))}', { x: 7, m: { k: [1] } })).toEqual({
      a: 7,
      b: '<7>',
      c: { k: [1] },
      d: 7,
    });
  });

  test('leaves what has no value for the director', async () => {
    expect(await fill('{a: ((x)), b: "((x)) ((y))"}', { y: 'z' })).toEqual({ a: '((x))', b: '((x)) z' });
  });

  test('passes over the exclamation mark', async () => {
    expect(await fill('{a: ((!x)), b: "-((!x))-"}', { x: 'v' })).toEqual({ a: 'v', b: '-v-' });
  });

  test('looks into values, by key or by index', async () => {
    const x = { k: { l: ['a', 'b'] }, '0': 'zero' };
    expect(await fill('[((x.k.l.1)), "((x.k.l.0))!", ((x.0))]', { x })).toEqual(['b', 'a!', 'zero']);
    await expect(fill('((x.q))', { x })).rejects.toThrow('there is no key "q"');
  });

  test('fills in keys', async () => {
    expect(await fill('{((x)): 1, a-((x)): 2}', { x: 'k' })).toEqual({ k: 1, 'a-k': 2 });
    await expect(fill('{((x)): 1}', { x: [] })).rejects.toThrow('is a key');
  });

  test('puts only texts and whole numbers into a text, and names no value in the fault', async () => {
    await expect(fill('a-((x))', { x: { secret: 'hunter2' } })).rejects.toThrow(/^(?!.*hunter2).*inside of a text/);
    await expect(fill('a-((x))', { x: 1.5 })).rejects.toThrow('whole numbers');
  });

  test('does not look through values for more placeholders', async () => {
    expect(await fill('((x))', { x: '((y))', y: 1 })).toBe('((y))');
  });

  test('tells all that is missing or unused at once, when asked to', async () => {
    const run = fill('[((colour)), ((b))]', { color: 1, unused: 2 }, { expectAll: true, expectUsed: true });
    await expect(run).rejects.toMatchObject({
      code: 'interpolation-failed',
      faults: [
        { message: 'variable "b" has no value' },
        { message: 'variable "colour" has no value', suggestion: 'did you mean "color"?' },
        { message: 'variable "color" is used nowhere' },
        { message: 'variable "unused" is used nowhere' },
      ],
    });
  });

  test('asks sources in order, and gives values that share nothing', async () => {
    const sources = [staticVariables({ a: 1 }), staticVariables({ a: 2, m: { k: 1 } })];
    const result = (await interpolate(readYaml('[((a)), ((m)), ((m))]').value, { sources })) as YamlValue[];
    expect(result).toEqual([1, { k: 1 }, { k: 1 }]);
    expect(result[1]).not.toBe(result[2]);
  });

  test('makes definitions in their order, with their options filled in, and takes them out', async () => {
    const source = makingSource();
    const text = `
use: ((leaf))
variables:
- {name: ca, type: certificate, options: {common_name: ((domain))}}
- {name: leaf, type: certificate, options: {ca: ca}}
- {name: given, type: password}
- {name: typeless}
- {name: stuck, type: password, options: {length: ((nowhere))}}
`;
    const sources = [staticVariables({ domain: 'a.b', given: 'x' }), source];
    const result = await interpolate(readYaml(text).value, { sources });
    expect(source.made).toEqual(['ca {"common_name":"a.b"}', 'leaf {"ca":"ca"}']);
    expect(result).toEqual({
      use: 'made-leaf',
      variables: [{ name: 'typeless' }, { name: 'stuck', type: 'password', options: { length: '((nowhere))' } }],
    });
  });

  test('refuses definitions that need themselves', async () => {
    const text =
      'variables: [{name: a, type: password, options: {length: ((b))}}, {name: b, type: password, options: {length: ((a))}}]';
    await expect(fill(text, {})).rejects.toThrow('a -> b -> a');
  });
});
