import { describe, expect, test } from 'vitest';
import { OperatorError } from '../../../common/errors.ts';
import { diffText } from '../../../cli/diff-text.ts';
import { endpointOf, Refused } from '../../../cli/director-client.ts';
import { CliError, CliErrors, describeError } from '../../../cli/failure.ts';
import { groupAndInstance, nameAndVersion } from '../../../cli/slugs.ts';
import { compareKeys } from '../../../cli/sorted-keys.ts';
import { withQuery } from '../../../cli/query.ts';
import { shellWord } from '../../../cli/shell-word.ts';
import { binaryBytes, decimalBytes, duration, unixDate, uptime } from '../../../cli/ui/format.ts';

describe('errors', () => {
  test('tell what was being done, and below what went wrong', () => {
    const error = new CliError(
      'Fetching info',
      new CliError("Performing request GET 'x'", new Error('refused\nby all')),
    );
    expect(describeError(error)).toBe("Fetching info:\n  Performing request GET 'x':\n    refused\n    by all");
  });

  test('of several things are bullets, and hints stand below their message', () => {
    const hinted = new OperatorError('full', { code: 'disk-full', hint: 'Delete something.' });
    expect(describeError(new CliErrors('', hinted, new Error('b')))).toBe('- full\n  Delete something.\n- b');
  });
});

describe('a refusal', () => {
  const refused = (text: string) =>
    describeError(new Refused({ status: 401, reason: '', headers: {}, bytes: Buffer.from(text), text }));

  test('of somebody unknown tells how to say who one is, on a line of its own', () => {
    expect(refused("Not authorized: '/tasks'\n").split('\n')).toEqual([
      "Director responded with non-successful status code '401' response 'Not authorized: '/tasks''",
      expect.stringContaining('BOSH_CLIENT_SECRET'),
    ]);
  });

  test('of what is not built is the sentence of the director', () => {
    const text = '{"code":100,"description":"Deleting \\"single\\" VMs is not built yet"}';
    const refusal = new Refused({ status: 501, reason: '', headers: {}, bytes: Buffer.from(text), text });
    expect(describeError(refusal)).toBe('Deleting "single" VMs is not built yet');
  });

  test('of somebody known does not', () => {
    expect(refused('{"code":600000,"description":"Require one of the scopes: x"}')).not.toContain('BOSH_CLIENT');
  });
});

test('a word of a shell is quoted where it must be', () => {
  expect(shellWord('/a/b-c.d:1')).toBe('/a/b-c.d:1');
  expect(shellWord("it's $HOME")).toBe(`'it'\\''s $HOME'`);
  expect(shellWord('')).toBe("''");
});

test.each([
  ['director', 'director', 25555],
  ['10.0.0.6:443', '10.0.0.6', 443],
  ['https://director:443/', 'director', 443],
  ['https://[::1]:8443', '[::1]', 8443],
])('the environment %s is at %s, port %i', (environment, host, port) => {
  expect(endpointOf(environment)).toEqual({ host, port });
});

test('slugs', () => {
  expect(nameAndVersion('cf/1.2')).toEqual({ name: 'cf', version: '1.2' });
  expect(() => nameAndVersion('cf')).toThrow("Expected 'cf' to be in format 'name/version'");
  expect(groupAndInstance('web/0')).toEqual({ group: 'web', instance: '0' });
  expect(groupAndInstance('')).toEqual({ group: '', instance: '' });
  expect(() => groupAndInstance('web/')).toThrow('non-empty ID or index');
});

test('a query has what was given, sorted', () => {
  expect(withQuery('/x', { b: 'a&b', a: true, c: '', d: false, e: undefined })).toBe('/x?a=true&b=a%26b');
  expect(withQuery('/x', {})).toBe('/x');
});

test('a diff has its marks', () => {
  expect(
    diffText([
      ['a:', null],
      ['- b', 'added'],
      ['- c', 'removed'],
    ]),
  ).toBe('  a:\n+ - b\n- - c\n');
});

test('times, spans and sizes', () => {
  expect(unixDate(1_793_700_065)).toBe('Tue Nov  3 10:01:05 UTC 2026');
  expect(duration(360_061)).toBe('100:01:01');
  expect(uptime(93_784)).toBe('1d 2h 3m 4s');
  expect([9, 999, 1536, 25 * 1024 ** 2].map(binaryBytes)).toEqual(['9 B', '999 B', '1.5 KiB', '25 MiB']);
  expect([82_854_982, 1_000_000, 20_480_000].map(decimalBytes)).toEqual(['83 MB', '1.0 MB', '20 MB']);
});

test('keys are in the order of Go: numbers by value, letters behind all else', () => {
  expect(['b', 'a10', 'a9', '_x', 'B', 'a', 'a-b', 'ab'].sort(compareKeys)).toEqual([
    '_x',
    'B',
    'a',
    'a-b',
    'a9',
    'a10',
    'ab',
    'b',
  ]);
});
