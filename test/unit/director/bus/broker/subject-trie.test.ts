import fc from 'fast-check';
import { expect, test } from 'vitest';
import { patternTokens, subjectTokens } from '../../../../../director/bus/broker/subject.ts';
import { SubjectTrie } from '../../../../../director/bus/broker/subject-trie.ts';

/** What NATS says a pattern matches, word by word. */
function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  const [token, ...pattern2] = pattern;
  if (token === undefined) return subject.length === 0;
  if (token === '>') return subject.length > 0;
  const [head, ...rest] = subject;
  return head !== undefined && (token === '*' || token === head) && matches(pattern2, rest);
}

const word = fc.constantFrom('a', 'b', 'c');
const subjects = fc.array(word, { minLength: 1, maxLength: 5 });
const patterns = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([tokens, rest]) => (rest ? [...tokens, '>'] : tokens))
  .filter((tokens) => tokens.length > 0);

test('it finds whom the patterns match, whatever was added and removed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(patterns, fc.boolean()), { maxLength: 30 }), subjects, (listeners, subject) => {
      const trie = new SubjectTrie<number>();
      listeners.forEach(([pattern], i) => trie.add(pattern, i));
      listeners.forEach(([pattern, stays], i) => stays || trie.remove(pattern, i));
      const found = trie.match(subject);
      const expected = listeners.flatMap(([pattern, stays], i) => (stays && matches(pattern, subject) ? [i] : []));
      expect(found.sort((a, b) => a - b)).toEqual(expected);
    }),
  );
});

test('nothing is left of agents that are gone', () => {
  const trie = new SubjectTrie<string>();
  for (let i = 0; i < 100; i++) trie.add(['agent', `a${i}`], 'x');
  for (let i = 0; i < 100; i++) trie.remove(['agent', `a${i}`], 'x');
  trie.remove(['agent', 'unknown'], 'x');
  expect(trie.isEmpty).toBe(true);
});

test.each([
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'a\tb',
  'a\r\nPING',
  'a.*',
  'a.>',
  'x.'.repeat(20) + 'x',
  'x'.repeat(1025),
])('%j is no subject to publish on', (text) => expect(subjectTokens(text)).toBeUndefined());

test('wildcards are tokens of patterns, and > is the last', () => {
  expect(patternTokens('a.*.b.>')).toEqual(['a', '*', 'b', '>']);
  expect(patternTokens('a.>.b')).toBeUndefined();
  expect(patternTokens('a..b')).toBeUndefined();
  expect(subjectTokens('a*.b>')).toEqual(['a*', 'b>']); // only a whole token is a wildcard
});
