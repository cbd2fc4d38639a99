import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type AddressInfo, type Server } from 'node:net';
import { answer, failure, type AnswerDeps } from './answer.ts';
import { askRecursors, type Recursor } from './recursors.ts';
import { framed, MessageReader } from './tcp-frames.ts';

export interface DnsServerOptions {
  address: string;
  /** 0: any free one, the same for UDP and TCP. */
  port: number;
  recursors: readonly Recursor[];
  recursorTimeoutMs: number;
  /** As they are now: they change while it runs. */
  now: () => AnswerDeps;
  log: (event: string, fields: Record<string, unknown>) => void;
}

export interface DnsServer {
  port: number;
  close(): Promise<void>;
}

const idleMsMax = 10_000;
const connectionsMax = 200;
/** Each has a socket of its own while a recursor is asked. What comes beyond it is told to have failed. */
const forwardedAtOnceMax = 500;

/** Answers from the records, and passes on to the recursors what is not ours, over UDP and TCP. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { address, log } = options;
  let forwarded = 0;

  async function reply(message: Buffer, overTcp: boolean): Promise<Buffer | undefined> {
    let verdict: ReturnType<typeof answer>;
    try {
      verdict = answer(message, options.now(), overTcp);
    } catch {
      return undefined; // no DNS: who sends that waits for nothing
    }
    if (verdict.kind === 'answer') return verdict.bytes;
    if (forwarded >= forwardedAtOnceMax) return failure(message);
    forwarded++;
    try {
      const { recursors, recursorTimeoutMs: timeoutMs } = options;
      return await askRecursors(message, { recursors, timeoutMs, overTcp });
    } catch (thrown) {
      log('recursors-silent', { why: thrown instanceof Error ? thrown.message : String(thrown) });
      return failure(message);
    } finally {
      forwarded--;
    }
  }

  const tcp = createServer((socket) => {
    const reader = new MessageReader();
    socket.setTimeout(idleMsMax, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      for (const message of reader.read(chunk))
        void reply(message, true).then(
          (bytes) => bytes !== undefined && socket.writable && socket.write(framed(bytes)),
        );
    });
  });
  tcp.maxConnections = connectionsMax;
  const port = await listenOverTcp(tcp, options);
  const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  udp.on('message', (message, from) => {
    void reply(message, false).then((bytes) => {
      if (bytes !== undefined) udp.send(bytes, from.port, from.address, () => {}); // it asks again, or has gone
    });
  });
  try {
    await listenOverUdp(udp, address, port);
  } catch (thrown) {
    tcp.close();
    throw thrown;
  }
  return {
    port,
    close: async () => {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

function listenOverTcp(server: Server, { address, port }: DnsServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port)); // it listens on TCP
  });
}

function listenOverUdp(socket: UdpSocket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => resolve());
  });
}
