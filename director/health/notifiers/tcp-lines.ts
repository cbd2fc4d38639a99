import type { Socket } from 'node:net';
import { connected } from './connected.ts';

/** Lines to a server that says nothing back, over one connection that is made when it is needed. */
export class TcpLines {
  readonly #at: { host: string; port: number };
  #socket: Socket | undefined;

  constructor(at: { host: string; port: number }) {
    this.#at = at;
  }

  /** Resolves when the system has taken all of it. @throws when there is no connection, or it broke */
  async write(text: string, signal: AbortSignal): Promise<void> {
    if (text === '') return;
    const socket = this.#socket ?? (await this.#connect(signal));
    await new Promise<void>((resolve, reject) => {
      const abort = () => socket.destroy(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      const settled = (error?: Error | null) => {
        signal.removeEventListener('abort', abort);
        if (error === undefined || error === null) resolve();
        else reject(error);
      };
      socket.write(text, settled);
    });
  }

  close(): Promise<void> {
    this.#socket?.destroy();
    return Promise.resolve();
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    const socket = await connected(this.#at, signal);
    socket.on('error', () => {}); // whoever writes is told
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.resume(); // what it says is of no interest, but its end is
    this.#socket = socket;
    return socket;
  }
}
