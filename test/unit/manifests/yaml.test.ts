import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyOf } from '../../../manifests/copy.ts';
import type { YamlValue } from '../../../manifests/value.ts';
import { readYaml, writeYaml } from '../../../manifests/yaml.ts';
import { scanFlow } from '../../../manifests/yaml/flow.ts';
import { messageAt } from './faults-of.ts';

const read = (text: string) => readYaml(text).value;

describe('a plain scalar', () => {
  test.each<[string, YamlValue]>([
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['n', 'n'],
    ['~', null],
    ['', null],
    ['NULL', null],
    ['00:50:56:00:00:01', '00:50:56:00:00:01'],
    ['1:30', '1:30'],
    ['2020-01-01', '2020-01-01'],
    [':symbol', ':symbol'],
    ['0777', 511],
    ['08', '08'],
    ['0x1F', 31],
    ['0b11', 3],
    ['1_000', 1000],
    ['1,000', 1000],
    ['-5', -5],
    ['1.5', 1.5],
    ['1.5e+3', 1500],
    ['12e03', '12e03'],
    ['.inf', Infinity],
    ['3.0.0', '3.0.0'],
    ['9007199254740993', 9007199254740993n],
    ['!!str 12', '12'],
    ['!!int "12"', 12],
    ['"12"', '12'],
    ['((var))', '((var))'],
  ])('%s is %s', (text, value) => {
    expect(read(`- ${text}`)).toEqual([value]);
  });
});

describe('a document', () => {
  test('takes the last of equal keys, merges at the place of <<, and makes keys texts', () => {
    expect(read('{a: 1, b: 2, a: 3}')).toEqual({ a: 3, b: 2 });
    const merged = read('base: &b {x: 1, y: 2}\nall: {y: 0, <<: *b, x: 9}\nmany: {<<: [{p: 1}, {p: 2, q: 3}]}');
    expect(merged).toMatchObject({ all: { y: 2, x: 9 }, many: { p: 1, q: 3 } });
    expect(read('{80: a, true: b, 1.0: c}')).toEqual({ '80': 'a', true: 'b', '1.0': 'c' });
  });

  test('has no key that reaches into the prototype', () => {
    const value = read('{__proto__: {polluted: true}}');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('is the first of several, and null when there is none', () => {
    expect(read('a\n---\nb')).toBe('a');
    expect(read('# nothing')).toBeNull();
  });

  test('finds the line of a path, by keys, indexes, merges and aliases', () => {
    const document = readYaml('a: &x\n  b:\n  - 1\n  - c: 2\nd: *x\ne:\n  <<: *x\n  f: 3\n');
    expect(document.lineOf(['a', 'b', 1, 'c'])).toBe(4);
    expect(document.lineOf(['d', 'b', 1, 'c'])).toBe(4);
    expect(document.lineOf(['e', 'b', 0])).toBe(3);
    expect(document.lineOf(['e', 'f'])).toBe(8);
    expect(document.lineOf(['e', 'missing', 'deeper'])).toBe(6);
    expect(document.lineOf([])).toBe(1);
  });

  test.each([
    ['a: b: c', 'line 1, column 5: a: b: c (align the keys'],
    ['a:\n\tb: 1', 'indent with spaces'],
    ['a: "b', 'line'],
    ['a: *x', '*x stands for nothing: no &x before it at line 1'],
    ['a: &x [*x]', '*x is inside of what it stands for'],
    ['a: !ruby/object:Foo {}', 'would make a Ruby object'],
    ['? [a]\n: b', 'a list or a map as a key'],
  ])('%j is refused with its line and what to do', (text, message) => {
    expect(messageAt('', () => readYaml(text))).toContain(message);
  });

  test.each([
    ['a: 1\nb: {c: Killed', 'no "}" closes the "{" that is opened at line 2, column 4: b: {c: Killed (close it)'],
    ['a: 1\nb: {c: Killed\n', 'no "}" closes the "{" that is opened at line 2, column 4'],
    ['x:\n- jobs: [\n  - name: web\n    azs: [z1]\n', 'no "]" closes the "[" that is opened at line 2, column 9'],
    ['a: [b, {c: d]\n', 'no "}" closes the "{" that is opened at line 1, column 8'],
    ['a: [ # one ]\n  b\nc: d', 'no "]" closes the "[" that is opened at line 1, column 4'],
    ['text: |\n  if [ it\'s; then "\n\nb: [c\nd: e', 'closes the "[" that is opened at line 4, column 4'],
    ['- run: >\n    a [\n  b: {\n- c: "x]"\n', 'closes the "{" that is opened at line 3, column 6'],
    ['a: 1\nfoo: "abc\nb: c\n', 'nothing closes the quote " that is opened at line 2, column 6: foo: "abc (close it'],
    ['foo: "abc\nb: "c"\n', 'nothing closes the quote " that is opened at line 1, column 6'],
    ["foo: 'it''s\nb: 'c'\n", "nothing closes the quote ' that is opened at line 1, column 6"],
    ['a: [x, "b]\nc: d\n', 'nothing closes the quote " that is opened at line 1, column 8'],
  ])('%j is told by what is not closed', (text, message) => {
    expect(messageAt('', () => readYaml(text))).toContain(message);
    expect(() => readYaml(text)).not.toThrow(/\[line/); // it is in the sentence
  });

  test('a missing comma in brackets that are closed is told where it is missing', () => {
    expect(messageAt('', () => readYaml('a: [\n{b: c}\n{d: e}\n]\n'))).toContain('missed comma');
    expect(messageAt('', () => readYaml('a: [\n{b: c}\n{d: e}\n]\n'))).toContain('at line 3, column 1');
  });

  test('keys that repeat others are told with their lines; those that a merge brought may be set', () => {
    const text = 'a: &x {n: 1}\nb:\n  <<: *x\n  n: 2\nc:\n- instances: 2\n  m: 1\n  instances: 3\n';
    const { value, repeated } = readYaml(text);
    expect(value).toMatchObject({ b: { n: 2 }, c: [{ instances: 3 }] });
    expect(repeated).toEqual([{ key: 'instances', line: 8 }]);
  });

  test('a key that was set before a merge without it repeats what it was', () => {
    expect(readYaml('a: &x {m: 1}\nb:\n  n: 1\n  <<: *x\n  n: 2\n').repeated).toEqual([{ key: 'n', line: 5 }]);
  });

  test('a merge takes no longer in a map that has many keys', () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}: 1\n`).join('');
    expect(readYaml(`${keys}${'<<: {}\n'.repeat(10_000)}`).repeated).toEqual([]); // or it took half a minute
  });

  test('brackets may close below their key, as in Psych and Go', () => {
    const document = readYaml('x:\n  azs: [\n    z1, # one ]\n  z2\n  ]\nb: {\nc: two\n   words,\nd: "]"\n}\ne: 1.0\n');
    expect(document.value).toEqual({ x: { azs: ['z1', 'z2'] }, b: { c: 'two words', d: ']' }, e: 1 });
    expect([['x', 'azs', 1], ['b', 'd'], ['e']].map((path) => document.lineOf(path))).toEqual([4, 9, 11]);
  });

  test('nor does it matter how many lines of comments stand in them', () => {
    const text = `azs: [ z1\n${'# z2\n'.repeat(200_000)}]\nb: 1\n`;
    expect(readYaml(text).value).toEqual({ azs: ['z1'], b: 1 });
  });

  test.each(['  - a: b\n', '  - [a, "b"]\n', '  # c\n', '  - |\n    d\n', '  - &x !!str e\n'])(
    'to follow lines of %j together takes no longer than in sixteen parts',
    (line) => {
      const textOf = (lines: number) => `all:\n${line.repeat(lines)}azs: [\n]\n`;
      const [part, whole] = [textOf(1_000), textOf(16_000)];
      // Of the processor, not of the clock: others have their turn meanwhile. For long enough that it can be told.
      const costOf = (text: string) => {
        const before = process.cpuUsage();
        for (let times = 1; ; times++) {
          scanFlow(text, text.length);
          const { user, system } = process.cpuUsage(before);
          if (user + system > 30_000) return (user + system) / times;
        }
      };
      const least = (text: string) => Math.min(...Array.from({ length: 5 }, () => costOf(text))); // garbage is collected in some
      costOf(part); // until it is compiled
      expect(least(whole) / (16 * least(part))).toBeLessThan(6); // 16 if each line looked at all before it
    },
  );

  test('that aliases blow up is refused, before it takes anything', () => {
    const levels = Array.from('abcdefgh').map((name, i, all) => {
      const below = i === 0 ? '1' : `*${all[i - 1]}`;
      return `${name}: &${name} [${Array(10).fill(below).join(',')}]`;
    });
    expect(() => readYaml(levels.join('\n'))).toThrow('more than 2000000 nodes');
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'yes',
    '1.0',
    '1e3',
    '0o7',
    '010',
    '1:30',
    '2020-01-01',
    '<<',
    ':a',
    'y',
    '- a',
    'a: b',
    '#',
    "it's",
    'a\nb\n\n',
    ' a',
    '',
    '~',
  ),
  fc.array(fc.constantFrom('a', ' ', '\n', 'b: c', '#', '"', '\t'), { maxLength: 12 }).map((parts) => parts.join('')),
);
const { value: anyValue } = fc.letrec<{ value: YamlValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyText, tie('value'), { maxKeys: 4 }).map((map) => ({ ...map })),
  ),
}));

describe('what is written', () => {
  test('is read back the same', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(read(writeYaml(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps floats as their author wrote them, copies too', () => {
    const text = 'a: 1.0\nlist:\n- 1.10\n- 2.5\n';
    expect(writeYaml(copyOf(read(text)))).toBe(text);
  });

  test('quotes what Psych or Go would take for something else', () => {
    expect(writeYaml(['1e3', 'yes', '1:30', 'y', '2020-01-01', '0o7', 'null', '', 'plain text'])).toBe(
      `- "1e3"\n- 'yes'\n- '1:30'\n- "y"\n- '2020-01-01'\n- "0o7"\n- 'null'\n- ''\n- plain text\n`,
    );
  });
});
