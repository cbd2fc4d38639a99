import { expect, test } from 'vitest';
import { jsonText } from '../../../manifests/json.ts';
import { readYaml } from '../../../manifests/yaml.ts';

test('numbers keep what JavaScript would forget', () => {
  const { value } = readYaml('{a: 1.0, b: [1.10, 2, 9007199254740993], c: "x\\n", d: ~, e: true, f: .5}');
  expect(jsonText(value)).toBe('{"a":1.0,"b":[1.10,2,9007199254740993],"c":"x\\n","d":null,"e":true,"f":0.5}');
});

test('what is no number in JSON is refused', () => {
  expect(() => jsonText([Infinity])).toThrow("can't be written");
});
