import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Given } from '../../../../cli/given.ts';
import { gatewayOf } from '../../../../cli/ssh/gateway.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'gateway-'));
  await writeFile(join(cwd, 'key'), 'a key');
});
afterAll(() => rm(cwd, { recursive: true }));

const gateway = (
  flags: Record<string, string> = {},
  { env = {}, told = {} }: { env?: Record<string, string>; told?: { host?: string; user?: string } } = {},
) => {
  const given = new Given([], new Map(Object.entries(flags).map(([name, value]) => [name, [value]])));
  return gatewayOf({ env: { HOME: cwd, ...env }, cwd }, given, told);
};

test('without anybody who tells of one there is none, nor where it is switched off', async () => {
  expect(await gateway()).toEqual({ kind: 'none' });
  const told = { host: 'jump.example', user: 'vcap' };
  expect(await gateway({}, { told })).toEqual({ kind: 'ssh', ...told, port: 22, key: {} });
  expect(await gateway({ 'gw-disable': '' }, { told })).toEqual({ kind: 'none' });
  expect(await gateway({}, { told, env: { BOSH_GW_DISABLE: 'true' } })).toEqual({ kind: 'none' });
});

test('flags win over the environment, and that over what the director tells', async () => {
  const told = { host: 'told', user: 'told' };
  const env = { BOSH_GW_HOST: 'env:2222', BOSH_GW_USER: 'env', SSH_AUTH_SOCK: '/agent' };
  expect(await gateway({}, { told, env })).toEqual({
    kind: 'ssh',
    host: 'env',
    port: 2222,
    user: 'env',
    key: { agent: '/agent' },
  });
  const flags = { 'gw-host': '[fd00::1]:23', 'gw-user': 'flag', 'gw-private-key': 'key' };
  expect(await gateway(flags, { told, env })).toEqual({
    kind: 'ssh',
    host: 'fd00::1',
    port: 23,
    user: 'flag',
    key: { privateKey: 'a key' },
  });
  expect(await gateway({ 'gw-host': 'fd00::1' })).toMatchObject({ host: 'fd00::1', port: 22 });
});

test('a SOCKS5 proxy, or a jump box in the place of one', async () => {
  expect(await gateway({ 'gw-socks5': 'socks5://proxy:1081' })).toEqual({ kind: 'socks5', host: 'proxy', port: 1081 });
  expect(
    await gateway({}, { env: { BOSH_ALL_PROXY: `ssh+socks5://jumpbox@jump:22?private-key=${join(cwd, 'key')}` } }),
  ).toEqual({ kind: 'ssh', host: 'jump', port: 22, user: 'jumpbox', key: { privateKey: 'a key' } });
  await expect(gateway({ 'gw-socks5': 'http://proxy' })).rejects.toThrow('to be the URL of a SOCKS5 proxy');
  await expect(gateway({ 'gw-host': 'jump', 'gw-private-key': 'none' })).rejects.toThrow('Reading private key');
});
