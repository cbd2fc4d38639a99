import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Keeps what is posted to it. `status` null: it never answers. */
export async function givenHttpServer({ tls }: { tls?: { key: string; cert: string } } = {}) {
  const received: Received[] = [];
  const behaviour: { status: number | null } = { status: 202 };
  let heard: () => void = () => {};
  const listener: Parameters<typeof createServer>[1] = (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      received.push({ path: req.url ?? '', headers: req.headers, body: Buffer.concat(chunks).toString() });
      heard();
      if (behaviour.status !== null) res.writeHead(behaviour.status).end('as you say');
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    received,
    behaviour,
    /** Resolves with the next one that is posted. */
    next: () => new Promise<void>((resolve) => (heard = resolve)),
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
