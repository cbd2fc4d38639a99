import { expect, test } from 'vitest';
import { resultText } from '../../../../director/tasks/result-text.ts';

test('up to 128 characters a result stays, longer ones end after a whole word', () => {
  expect(resultText(' /deployments/web \n')).toBe('/deployments/web');
  expect(resultText('x'.repeat(128))).toBe('x'.repeat(128));
  expect(resultText('word '.repeat(40))).toBe(`${'word '.repeat(24)}word...`); // the 26th would just fit: BOSH drops it too
  expect(resultText('x'.repeat(200))).toBe(`${'x'.repeat(129)}...`); // one word: BOSH cuts it the same way
});
