import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { YamlValue } from '../../../manifests/value.ts';
import { readYaml, writeYaml } from '../../../manifests/yaml.ts';
import { emit } from '../../../manifests/yaml/emit.ts';
import { psychStyle } from '../../../manifests/yaml/emit-scalar.ts';

/** Values go to Ruby as JSON on its standard input, and come back as JSON. Many at a time: Ruby takes a while to start. */
function ruby<T>(script: string, input: unknown): T {
  const json = execFileSync('ruby', ['-rjson', '-ryaml', '-e', script], {
    input: JSON.stringify(input),
    maxBuffer: 1 << 26,
  });
  return JSON.parse(json.toString()) as T; // the scripts below answer in the shape that their callers name
}

const word = fc.constantFrom(
  'a',
  'lorem ipsum dolor sit amet',
  ' ',
  '\n',
  '\t',
  ': ',
  ' #',
  '- ',
  'é',
  '😀',
  '"',
  "'",
  '\\',
  '%',
  'yes',
  '1.0',
  '0x1f',
  '((v))',
);
const text = fc.oneof(
  fc.array(word, { maxLength: 14 }).map((words) => words.join('')),
  fc.constantFrom(
    '',
    'y',
    'null',
    '~',
    '1:30',
    '2020-01-01',
    '2020-13-01',
    '08',
    '1,000',
    '<<',
    ':a',
    'a\nb\n\n',
    'a\n',
  ),
);
const { value } = fc.letrec<{ value: YamlValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.constantFrom(null, true, false, 0, -3, 1.5, 1.5e-7, 12345),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }).map((map) => ({ ...map })),
  ),
}));
const values = fc.sample(fc.array(value, { minLength: 1, maxLength: 3 }), 2_000);

test('the lines of diffs are written as Psych writes them', () => {
  const expected = ruby<string[]>(
    'puts JSON.parse(STDIN.read).map { |v| v.to_yaml(indent: 2).delete_prefix("---\\n") }.to_json',
    values,
  );
  const differing = values.flatMap((one, i) => {
    const mine = emit(one, { width: 80, styleOf: psychStyle, psych: true });
    return mine === expected[i] ? [] : [{ mine, psych: expected[i] }];
  });
  expect(differing.slice(0, 3)).toEqual([]);
});

test('Psych reads what we write as we meant it', () => {
  expect(
    ruby(
      'puts JSON.parse(STDIN.read).map { |t| YAML.safe_load(t) }.to_json',
      values.map((one) => writeYaml(one)),
    ),
  ).toEqual(values);
});

test('we read what Psych writes as it was meant', () => {
  const written = ruby<string[]>('puts JSON.parse(STDIN.read).map(&:to_yaml).to_json', values);
  expect(written.map((one) => readYaml(one).value)).toEqual(values);
});
