import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';
import type { Given } from '../given.ts';
import { pathFrom } from '../template.ts';
import { gatewayFlags } from './flags.ts';

/** What lies between us and the instances. */
export type Gateway =
  | { kind: 'none' }
  | { kind: 'ssh'; host: string; port: number; user: string; key: SshKey }
  | { kind: 'socks5'; host: string; port: number };

/** Undefined members: there is none of that kind. */
export interface SshKey {
  privateKey?: string;
  /** The socket of an ssh-agent. */
  agent?: string;
}

/** The director tells of a gateway; flags and environment variables win. */
export async function gatewayOf(
  context: Pick<Context, 'env' | 'cwd'>,
  given: Given,
  told: { host?: string | undefined; user?: string | undefined },
): Promise<Gateway> {
  const { env } = context;
  const text = (name: string) => {
    if (given.on(name)) return given.text(name);
    return env[gatewayFlags.find((flag) => flag.name === name)?.env ?? ''] ?? '';
  };
  const proxy = text('gw-socks5');
  if (proxy !== '') return proxyOf(proxy, context);
  if (given.on('gw-disable') || /^(1|t|true)$/i.test(text('gw-disable'))) return { kind: 'none' };
  const host = text('gw-host') || (told.host ?? '');
  if (host === '') return { kind: 'none' };
  const user = text('gw-user') || (told.user ?? '') || (env['USER'] ?? '');
  const path = text('gw-private-key');
  const key = path === '' ? await ownKey(env) : { privateKey: await keyFile(pathFrom(context, path)) };
  return { kind: 'ssh', ...hostAndPort(host, 22), user, key };
}

/** `socks5://host:port`, or `ssh+socks5://user@host:port?private-key=path`: a jump box, which is a gateway by ssh. */
async function proxyOf(url: string, context: Pick<Context, 'env' | 'cwd'>): Promise<Gateway> {
  const isSsh = url.startsWith('ssh+');
  const text = isSsh ? url.slice('ssh+'.length) : url;
  if (!URL.canParse(text)) throw new CliError(`Expected '${url}' to be the URL of a SOCKS5 proxy: socks5://host:port`);
  const { protocol, hostname, port, username, searchParams } = new URL(text);
  if (protocol !== 'socks5:')
    throw new CliError(`Expected '${url}' to be the URL of a SOCKS5 proxy: socks5://host:port`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isSsh) return { kind: 'socks5', host, port: Number(port || '1080') };
  const path = searchParams.get('private-key');
  const key = path === null ? await ownKey(context.env) : { privateKey: await keyFile(pathFrom(context, path)) };
  return { kind: 'ssh', host, port: Number(port || '22'), user: decodeURIComponent(username) || 'jumpbox', key };
}

/** `host`, `host:port`, `[address]:port`; an IPv6 address alone has no port. */
function hostAndPort(text: string, fallback: number): { host: string; port: number } {
  const [, host = text, port = fallback] = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text) ?? [];
  return { host, port: Number(port) };
}

/** As the ssh program does where nothing is said: the agent, else a key at its usual place. */
async function ownKey(env: NodeJS.ProcessEnv): Promise<SshKey> {
  const agent = env['SSH_AUTH_SOCK'];
  if (agent !== undefined && agent !== '') return { agent };
  for (const name of ['id_ed25519', 'id_ecdsa', 'id_rsa']) {
    const privateKey = await readFile(join(env['HOME'] ?? homedir(), '.ssh', name), 'utf8').catch(() => undefined);
    if (privateKey !== undefined) return { privateKey };
  }
  return {};
}

export async function keyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CliError(`Reading private key '${path}'`, error);
  }
}
