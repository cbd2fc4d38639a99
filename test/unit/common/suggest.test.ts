import { expect, test } from 'vitest';
import { didYouMean, didYouMeanOf } from '../../../common/suggest.ts';

test('a name with one edit per three letters is near; letters that changed places are one', () => {
  expect(didYouMean('asz', ['name', 'azs'])).toEqual({ suggestion: 'did you mean "azs"?' });
  expect(didYouMean('instnaces', ['instances'])).toEqual({ suggestion: 'did you mean "instances"?' });
  expect(didYouMean('foo', ['azs', 'deploy'])).toEqual({});
});

test('where none is near, a handful of those that there are is named', () => {
  expect(didYouMeanOf('huge', ['small', 'large', 'small'])).toEqual({ suggestion: 'there are large, small' });
  expect(didYouMeanOf('hgue', ['small', 'huge'])).toEqual({ suggestion: 'did you mean "huge"?' });
  expect(didYouMeanOf('x1', ['default'])).toEqual({ suggestion: 'there is only default' });
  expect(didYouMeanOf('zz', Array.from('abcdefg'))).toEqual({ suggestion: 'there are a, b, c, d, e and 2 more' });
  expect(didYouMeanOf('zz', [])).toEqual({});
});
