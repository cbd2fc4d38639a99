import { connect, type Socket } from 'node:net';

const connectMsMax = 10_000;

/** A connection over TCP, which the signal ends only while it is made. */
export function connected(at: { host: string; port: number }, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect(at);
    const abort = () => socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.setTimeout(connectMsMax, () => socket.destroy(new Error(`no connection within ${connectMsMax / 1000} s`)));
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
