import { expect, test } from 'vitest';
import { nextDevVersion, nextFinalVersion, rebasedVersion } from '../../../releases/release-version.ts';

test.each([
  [undefined, '0+dev.1'],
  ['0+dev.1', '0+dev.2'],
  ['3', '3+dev.1'],
  ['3.1.0-rc.2', '3.1.0-rc.2+dev.1'],
  ['2+dev.9', '2+dev.10'],
  ['2+build.1.7', '2+build.1.8'],
])('after %s the next dev version is %s', (latest, next) => {
  expect(nextDevVersion(latest)).toBe(next);
});

test.each([
  [undefined, '1'],
  ['1', '2'],
  ['1.9', '1.10'],
  ['1.2-rc.1', '1.3'],
  ['1+dev.5', '2'],
])('after %s the next final version is %s', (latest, next) => {
  expect(nextFinalVersion(latest)).toBe(next);
});

test('a time replaces what was behind the plus', () => {
  expect(nextDevVersion('2+dev.9', 1893456000)).toBe('2+dev.1893456000');
});

test('what ends in a word can not be counted on', () => {
  expect(() => nextFinalVersion('1.final')).toThrowError(
    expect.objectContaining({ code: 'release-version-not-countable' }),
  );
});

test('rebasing goes on from the newest of the same final version', () => {
  expect(rebasedVersion('1+dev.7', ['1', '1+dev.2', '2+dev.9'])).toBe('1+dev.3');
  expect(rebasedVersion('1+dev.7', ['1.0'])).toBe('1.0+dev.1');
  expect(rebasedVersion('1+dev.7', ['2'])).toBe('1+dev.1');
  expect(() => rebasedVersion('1', ['1'])).toThrowError(expect.objectContaining({ code: 'release-not-rebasable' }));
});
