import { expect, test } from 'vitest';
import { silentLog } from '../../../../../common/log.ts';
import { Mailbox } from '../../../../../director/bus/broker/mailbox.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function box(handler: (text: string) => void) {
  const mailbox = new Mailbox(silentLog);
  const to = { handler: (_: string, payload: Buffer) => handler(payload.toString()), open: true };
  return { mailbox, to, post: (text: string) => mailbox.post({ to, subject: 's', payload: Buffer.from(text) }) };
}

test('a letter is handed over after its sender’s own turn, before any timer', async () => {
  const heard: string[] = [];
  const { post } = box((text) => heard.push(text));
  post('one');
  expect(heard).toEqual([]);
  await Promise.resolve();
  expect(heard).toEqual(['one']);
});

test('letters that letters cause come after those that wait already', async () => {
  const heard: string[] = [];
  const { post } = box((text) => {
    heard.push(text);
    if (text === 'one') post('caused by one');
  });
  post('one');
  post('two');
  await turn();
  expect(heard).toEqual(['one', 'two', 'caused by one']);
});

test('a thousand letters leave timers and sockets their turn, and lose nothing', async () => {
  const heard: number[] = [];
  const { post } = box((text) => heard.push(Number(text)));
  for (let i = 0; i < 1_300; i++) post(String(i));
  await Promise.resolve();
  expect(heard).toHaveLength(100);
  for (let turns = 1; turns < 12; turns++) await turn();
  expect(heard.length).toBeLessThan(1_300);
  await turn();
  await turn();
  expect(heard).toEqual(Array.from({ length: 1_300 }, (_, i) => i));
});

test('readers of sockets are told to wait, and when to go on', async () => {
  const { mailbox, post } = box(() => {});
  for (let i = 0; i < 10_000; i++) post('x');
  expect(mailbox.congested).toBe(true);
  const relieved = new Promise<void>((resolve) => mailbox.onRelief(resolve));
  await relieved;
  expect(mailbox.congested).toBe(false);
});

test('who closed its ears hears nothing more', async () => {
  const heard: string[] = [];
  const { to, post } = box((text) => heard.push(text));
  post('one');
  to.open = false;
  await turn();
  expect(heard).toEqual([]);
});
