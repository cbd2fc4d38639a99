import { expect, test } from 'vitest';
import { answerRequests } from '../../../agent/dispatch.ts';
import { exceptionOf } from '../../../agent/errors.ts';
import { encodeResponse } from '../../../agent/response.ts';
import { AgentTasks } from '../../../agent/tasks.ts';
import { OneAtATime } from '../../../agent/one-at-a-time.ts';
import { messageBytesMax, type AgentMethod, type Response } from '../../../agent/protocol.ts';
import { seededChance } from '../../../common/chance.ts';
import { OperatorError } from '../../../common/errors.ts';
import { silentLog } from '../../../common/log.ts';
import { TestBus } from '../../support/agent/bus.ts';

const decoded = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Response;

test('a response is never longer than the bus carries', () => {
  const value = encodeResponse({ value: 'x'.repeat(messageBytesMax) });
  expect(decoded(value)).toMatchObject({ exception: { message: expect.stringContaining('the most is 1048576') } });
  for (const letter of ['x', '"', '\u0001', '語', '😀']) {
    const bytes = encodeResponse({
      exception: { message: `begin ${letter.repeat(2_000_000)} the cause`, blobstore_id: 'b' },
    });
    expect(bytes.length).toBeLessThanOrEqual(messageBytesMax);
    const response = decoded(bytes) as { exception: { message: string; blobstore_id: string } };
    expect(response.exception.message).toMatch(/^begin .*\n\.\.\.\[truncated\]\.\.\.\n.* the cause$/s);
    expect(response.exception.blobstore_id).toBe('b');
  }
});

test('an exception says what to do, and nothing of our insides', () => {
  const error = new OperatorError('the disk is full', {
    code: 'disk-full',
    hint: 'Make room.',
    cause: new Error('secret'),
  });
  expect(exceptionOf(error)).toEqual({ message: 'the disk is full (Make room.)' });
});

test('of ended tasks the youngest hundred are kept, and a running one is never forgotten', async () => {
  const tasks = new AgentTasks(seededChance(1));
  let finish: (value: unknown) => void = () => {};
  const long = tasks.start(() => new Promise((resolve) => (finish = resolve)));
  const ids: string[] = [];
  for (let i = 0; i < 150; i++) {
    ids.push(tasks.start(async () => i).agent_task_id);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(() => tasks.get(ids[0] ?? '')).toThrow('could not be found');
  expect(tasks.get(ids[149] ?? '')).toBe(149);
  expect(tasks.get(long.agent_task_id)).toEqual(long);
  finish('done');
  await new Promise((resolve) => setImmediate(resolve));
  expect(tasks.get(long.agent_task_id)).toBe('done');
});

test('too many tasks at a time are refused', () => {
  const tasks = new AgentTasks(seededChance(1));
  for (let i = 0; i < 50; i++) tasks.start(() => new Promise(() => {}));
  expect(() => tasks.start(async () => 1)).toThrow('50 tasks are running on this agent already');
});

test('rubbish on the subject is dropped, and list_disk is long from protocol 3 on', async () => {
  const bus = new TestBus();
  const transport = bus.connect();
  answerRequests({
    agentId: 'a',
    transport,
    tasks: new AgentTasks(seededChance(1)),
    log: silentLog,
    knows: (method): method is AgentMethod => method !== 'nonsense',
    run: ({ method }) => `${method} ran`,
  });
  for (const rubbish of ['', '{', '[]', '{"method":1}', 'null']) transport.publish('agent.a', Buffer.from(rubbish));
  expect(await bus.ask('a', 'list_disk', [], { protocol: 2 })).toEqual({ value: 'list_disk ran' });
  expect(await bus.ask('a', 'list_disk')).toMatchObject({ value: { state: 'running' } });
  expect(await bus.ask('a', 'nonsense')).toMatchObject({ exception: { message: 'unknown message nonsense' } });
});

test('work that must not overlap waits for its turn, also behind work that fails', async () => {
  const lock = new OneAtATime();
  const seen: string[] = [];
  const never = new AbortController().signal;
  const piece = (name: string, fails = false) =>
    lock.run(never, async () => {
      seen.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  await Promise.allSettled([piece('a', true), piece('b'), piece('c')]);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
