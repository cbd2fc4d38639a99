import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { framed, MessageReader } from './tcp-frames.ts';

export interface Recursor {
  address: string;
  port: number;
}

/** One after the other, in order; the answer as it came. @throws when none has answered in time */
export async function askRecursors(
  message: Buffer,
  { recursors, timeoutMs, overTcp }: { recursors: readonly Recursor[]; timeoutMs: number; overTcp: boolean },
): Promise<Buffer> {
  let last: unknown = new Error('there are no recursors');
  for (const recursor of recursors) {
    try {
      return await (overTcp ? askOverTcp : askOverUdp)(message, recursor, timeoutMs);
    } catch (thrown) {
      last = thrown;
    }
  }
  throw last;
}

/** From a port of its own for each question, and only what answers this one: others can not slip theirs in. */
function askOverUdp(message: Buffer, { address, port }: Recursor, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end(new Error(`${address} did not answer in ${timeoutMs} ms`)), timeoutMs);
    const end = (outcome: Buffer | Error) => {
      clearTimeout(timer);
      socket.close();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.on('error', end);
    socket.on('message', (reply) => {
      if (reply.length >= 12 && reply.readUInt16BE(0) === message.readUInt16BE(0)) end(reply);
    });
    socket.connect(port, address, () => socket.send(message));
  });
}

function askOverTcp(message: Buffer, { address, port }: Recursor, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const reader = new MessageReader();
    const end = (outcome: Buffer | Error) => {
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.setTimeout(timeoutMs, () => end(new Error(`${address} did not answer in ${timeoutMs} ms`)));
    socket.on('error', end);
    socket.on('close', () => reject(new Error(`${address} ended without an answer`)));
    socket.on('data', (chunk: Buffer) => {
      const [reply] = reader.read(chunk);
      if (reply !== undefined) end(reply);
    });
    socket.write(framed(message));
  });
}

/** The nameservers of a resolv.conf, without those that are ourselves: they would ask us again, and again. */
export function recursorsIn(resolvConf: string, own: readonly string[]): Recursor[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => !own.includes(address))
    .map((address) => ({ address, port: 53 }));
}
