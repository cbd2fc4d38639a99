import { connect as connectSocket } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { MbusCredentials } from '../../../director/bus/bus.ts';

/** Speaks NATS by hand, line by line: for what no client library would say. */
export class RawClient {
  readonly info: Record<string, unknown>;
  readonly socket: TLSSocket;
  #text = '';
  #arrived: () => void = () => {};
  #closed = false;

  private constructor(info: Record<string, unknown>, socket: TLSSocket) {
    this.info = info;
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#arrived();
    });
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => {
      this.#closed = true;
      this.#arrived();
    });
  }

  /** @throws Error when the handshake fails */
  static async connect(url: string, credentials: Partial<MbusCredentials>): Promise<RawClient> {
    const { hostname: host, port } = new URL(url);
    const plain = connectSocket(Number(port), host);
    const [first] = (await once(plain, 'data')) as [Buffer];
    const info = JSON.parse(first.toString().replace(/^INFO /, '')) as Record<string, unknown>;
    const { ca, certificate: cert, private_key: key } = credentials;
    const socket = connectTls({ socket: plain, host, ca, cert, key });
    await once(socket, 'secureConnect');
    return new RawClient(info, socket);
  }

  say(...lines: string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** The next line; undefined: the broker closed the connection. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }

  /** All lines until the connection is closed. */
  async lastLines(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) lines.push(line);
    return lines;
  }

  /** All lines up to the answer of a PING that is sent now. */
  async linesSoFar(): Promise<string[]> {
    this.say('PING');
    const lines: string[] = [];
    for (let line = await this.line(); line !== 'PONG' && line !== undefined; line = await this.line())
      lines.push(line);
    return lines;
  }
}
