import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { LocalUsers } from '../../../../director/auth/local-users.ts';
import { hashPassword, isHash, parseHash, passwordMatches } from '../../../../director/auth/password.ts';

const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
});

test('a user of the config file logs in, with the scopes that the file gives', async () => {
  const users = new LocalUsers(
    [
      { name: 'admin', password: 'pässword:with-colon' },
      { name: 'ro', password: await hashPassword('look'), scopes: ['bosh.read'] },
    ],
    new VirtualClock(),
  );
  expect(await users.identify(basic('admin', 'pässword:with-colon'), '10.0.0.1')).toEqual({
    name: 'admin',
    scopes: ['bosh.admin'],
  });
  expect(await users.identify(basic('ro', 'look'), '10.0.0.1')).toEqual({ name: 'ro', scopes: ['bosh.read'] });
  expect(users.clientInfo()).toEqual({ type: 'basic', options: {} });
});

test('everyone else is nobody', async () => {
  const users = new LocalUsers([{ name: 'admin', password: 'right' }], new VirtualClock());
  const attempts = [
    {},
    basic('admin', 'wrong'),
    basic('admin', 'righ'),
    basic('admin', ''),
    basic('', 'right'),
    basic('ann', 'right'),
    { authorization: 'Basic ' },
    { authorization: 'Basic !!!' },
    { authorization: `Basic ${Buffer.from('no-colon').toString('base64')}` },
    { authorization: 'bearer abc' },
  ];
  for (const headers of attempts) expect(await users.identify(headers, '10.0.0.1')).toBeUndefined();
});

test('the header may come under the names that proxies give it', async () => {
  const users = new LocalUsers([{ name: 'admin', password: 'right' }], new VirtualClock());
  const { authorization } = basic('admin', 'right');
  expect(await users.identify({ 'x-http_authorization': authorization }, '10.0.0.1')).toBeDefined();
  expect(await users.identify({ x_http_authorization: authorization }, '10.0.0.1')).toBeDefined();
});

test('a hashed password is checked once, and then costs next to nothing', async () => {
  const users = new LocalUsers([{ name: 'ann', password: await hashPassword('secret') }], new VirtualClock());
  await users.identify(basic('ann', 'secret'), '10.0.0.1');
  const startedMs = performance.now();
  for (let i = 0; i < 1_000; i++) await users.identify(basic('ann', 'secret'), '10.0.0.1');
  expect(performance.now() - startedMs).toBeLessThan(5_000); // a thousand hashes would take 90 s
  expect(await users.identify(basic('ann', 'secreT'), '10.0.0.1')).toBeUndefined(); // what is remembered is that password alone
});

test('a hash is told from a password, and one that would cost gigabytes is none', async () => {
  const hash = await hashPassword('x');
  expect(isHash(hash)).toBe(true);
  expect(await passwordMatches('x', hash)).toBe(true);
  expect(await passwordMatches('y', hash)).toBe(false);
  expect(await hashPassword('x')).not.toBe(hash); // salted
  expect(parseHash(hash.replace('scrypt:15:', 'scrypt:30:'))).toBeUndefined();
  expect(parseHash('scrypt:15:8:1:AAAA:')).toBeUndefined();
  expect(isHash('plain')).toBe(false);
});
