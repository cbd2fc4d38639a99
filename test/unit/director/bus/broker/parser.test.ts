import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageBytesMax } from '../../../../../agent/protocol.ts';
import { lineBytesMax, Parser, type ClientOperation } from '../../../../../director/bus/broker/parser.ts';

function parse(...chunks: Array<string | Buffer>): ClientOperation[] {
  const operations: ClientOperation[] = [];
  const parser = new Parser((operation) => operations.push(operation));
  for (const chunk of chunks) parser.push(Buffer.from(chunk as string));
  return operations;
}

test('every operation of a client', () => {
  expect(
    parse(
      'CONNECT {"verbose":true,"echo":false,"lang":"go"}\r\nPING\r\npong\r\n',
      'SUB agent.a 1\r\nSUB agent.b  workers\t2\r\nUNSUB 1\r\nUNSUB 2 5\r\n',
      'PUB a.b 5\r\nhello\r\nPUB a.b reply.to 0\r\n\r\n',
    ),
  ).toEqual([
    { op: 'connect', options: { verbose: true, echo: false } },
    { op: 'ping' },
    { op: 'pong' },
    { op: 'subscribe', subject: 'agent.a', queue: undefined, sid: '1' },
    { op: 'subscribe', subject: 'agent.b', queue: 'workers', sid: '2' },
    { op: 'unsubscribe', sid: '1', messagesMax: 0 },
    { op: 'unsubscribe', sid: '2', messagesMax: 5 },
    { op: 'publish', subject: 'a.b', reply: '', payload: Buffer.from('hello') },
    { op: 'publish', subject: 'a.b', reply: 'reply.to', payload: Buffer.from('') },
  ]);
});

test('it does not matter in which pieces a client’s words arrive', () => {
  const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 10 }), fc.array(fc.nat(2000), { maxLength: 30 }), (payloads, cuts) => {
      const wire = Buffer.concat(
        payloads.flatMap((each) => [Buffer.from(`PING\r\nPUB s.x ${each.length}\r\n`), each, Buffer.from('\r\n')]),
      );
      const ends = [...new Set(cuts.filter((cut) => cut < wire.length)), wire.length].sort((a, b) => a - b);
      const operations = parse(...ends.map((end, i) => wire.subarray(ends[i - 1] ?? 0, end)));
      expect(operations).toEqual(
        payloads.flatMap((each) => [{ op: 'ping' }, { op: 'publish', subject: 's.x', reply: '', payload: each }]),
      );
    }),
  );
});

test('lines that end in a bare line feed are understood as soon as they are there', () => {
  expect(parse('PING\nPUB s 2\n', 'ok\r\n')).toHaveLength(2);
});

test.each([
  ['a line without an end', 'x'.repeat(lineBytesMax + 1), 'maximum control line exceeded'],
  ['an unknown word', 'GET / HTTP/1.1\r\n', 'Unknown Protocol Operation'],
  ['headers', 'HPUB s 12 14\r\n', 'message headers not supported'],
  ['a payload that is too large', `PUB s ${messageBytesMax + 1}\r\n`, 'Maximum Payload Violation'],
  ['a negative size', 'PUB s -1\r\n', 'Parser Error'],
  ['a size that is none', 'PUB s 0x10\r\n', 'Parser Error'],
  ['no size', 'PUB s\r\n', 'Parser Error'],
  ['a payload longer than its size', 'PUB s 2\r\nlong\r\n', 'Parser Error'],
  ['too many words', 'SUB a b c d\r\n', 'Parser Error'],
  ['CONNECT without JSON', 'CONNECT {oops\r\n', 'Parser Error'],
  ['CONNECT with something else', 'CONNECT null\r\n', 'Parser Error'],
  ['UNSUB of nothing', 'UNSUB\r\n', 'Parser Error'],
])('%s is refused', (_, words, reason) => {
  expect(() => parse(words)).toThrow(reason);
});
