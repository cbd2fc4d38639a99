import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerReader, type Answer } from '../../../../director/templates/frames.ts';

const frame = (header: object, body = '') =>
  `${JSON.stringify({ ...header, bytes: Buffer.byteLength(body) })}\n${body}`;

const stream = Buffer.from(
  frame({ instance: 0, sizes: [0, 3, 2] }, 'a\nbcd') +
    frame({ instance: 1, faults: [{ kind: 'raised', source: 1, line: '3', message: 'x' }] }) +
    frame({ instance: 2, sizes: [] }) +
    frame({ done: true }),
);

const plain = (answers: Answer[]) =>
  answers.map((answer) => ('files' in answer ? answer.files.map((file) => file.toString()) : answer));

test('answers come out the same however they are cut on their way', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const reader = new AnswerReader(1000);
      const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const chunks = at.slice(1).map((end, n) => stream.subarray(at[n], end));
      expect(plain(chunks.flatMap((chunk) => [...reader.read(chunk)]))).toEqual([
        ['', 'a\nb', 'cd'],
        { instance: 1, faults: [{ kind: 'raised', source: 1, line: '3', message: 'x' }] },
        [],
        { done: true },
      ]);
    }),
  );
});

test.each([
  ['no JSON', 'puts of a template\n'],
  ['a count that is none', '{"instance":0,"sizes":[-1],"bytes":0}\n'],
  ['sizes that do not add up', '{"instance":0,"sizes":[1],"bytes":3}\nabc'],
  ['more than is allowed, announced', '{"instance":0,"sizes":[2000],"bytes":2000}\n'],
  ['more than is allowed, without a line', 'x'.repeat(1001)],
  ['neither files nor faults', '{"instance":0,"bytes":0}\n'],
])('%s is not taken for an answer', (_, text) => {
  expect(() => [...new AnswerReader(1000).read(Buffer.from(text))]).toThrow();
});
