import { describe, expect, test } from 'vitest';
import { parseVar, staticVariables, variablesOf } from '../../../../manifests/vars/source.ts';
import { readYaml } from '../../../../manifests/yaml.ts';

describe('the flags for variables', () => {
  test('win over each other as those of the bosh CLI', () => {
    const all = {
      vars: ['a=var'],
      varFiles: ['a', 'b'].map((name) => ({ name, content: 'var-file' })),
      varsFiles: [readYaml('{a: 1, b: 1, c: first}'), readYaml('{c: vars-file}'), readYaml('')],
      varsEnvs: ['MY'],
    };
    const env = { MY_a: '1', MY_c: '1', MY_d: '[env]', OTHER_e: '1', MYSELF_f: '1' };
    expect(variablesOf(all, env)).toEqual({ a: 'var', b: 'var-file', c: 'vars-file', d: ['env'] });
  });

  test('give YAML, but a text as it was typed', () => {
    expect(parseVar('n=1')).toEqual({ name: 'n', value: 1 });
    expect(parseVar('n=[a, b]')).toEqual({ name: 'n', value: ['a', 'b'] });
    expect(parseVar('n="1"')).toEqual({ name: 'n', value: '1' });
    expect(parseVar('n=a=b')).toEqual({ name: 'n', value: 'a=b' });
    expect(parseVar('pem=-----BEGIN-----\nabc\n')).toEqual({ name: 'pem', value: '-----BEGIN-----\nabc\n' });
  });

  test.each(['nothing', '=value', 'name='])('"%s" is refused', (text) => {
    expect(() => parseVar(text)).toThrow('--var');
  });

  test('fill maps by names with dots', async () => {
    const source = staticVariables({ 'db.user': 'u', 'db.pool.max': 3, plain: 1 });
    expect(await source.get({ name: 'db', type: null, options: {} })).toEqual({ user: 'u', pool: { max: 3 } });
    expect(await source.names()).toEqual(['db', 'plain']);
  });
});
