import { expect, test } from 'vitest';
import { globPattern } from '../../../agent/glob.ts';

test.each([
  ['**/*.log', ['a.log', 'web/a.log', 'web/x/a.log'], ['a.txt', 'a.logx']],
  ['**/*', ['a', 'web/a', '.hidden'], []],
  ['web/*.log', ['web/a.log'], ['a.log', 'web/x/a.log']],
  ['web/**', ['web/a', 'web/x/y'], ['db/a']],
  ['*.{log,err}', ['a.log', 'a.err'], ['a.txt', 'x/a.log']],
  ['a?[0-9].log', ['ab1.log'], ['a1.log', 'abc.log', 'a/1.log']],
  ['a[!0-9]', ['ab'], ['a1']],
  ['a+(b).log', ['a+(b).log'], ['aab.log']],
])('%s', (glob, matching, others) => {
  const pattern = globPattern(glob);
  expect(matching.filter((path) => !pattern.test(path))).toEqual([]);
  expect(others.filter((path) => pattern.test(path))).toEqual([]);
});
