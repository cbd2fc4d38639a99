import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { messageBytesMax } from '../../../agent/protocol.ts';
import { OperatorError } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import { identityOf, type Identity } from '../identity.ts';
import type { BrokerLimits } from './limits.ts';

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM. Clients must show a certificate that `ca` signed. */
  tls: { certificate: string; privateKey: string; ca: string };
}

export interface Listener {
  readonly port: number;
  /** Takes no more clients and cuts off every one that is left. */
  close(): Promise<void>;
}

/**
 * Takes clients as NATS does: INFO in the clear, then TLS on the same socket, with certificates on both sides.
 * Hands over each client that has proved who it is.
 * @throws OperatorError `bus-port-unavailable`
 */
export async function listen(
  { host, port, tls }: ListenOptions,
  deps: { limits: BrokerLimits; log: Log; onClient: (socket: TLSSocket, identity: Identity) => void },
): Promise<Listener> {
  const { limits, log, onClient } = deps;
  const sockets = new Set<Socket>();
  const secure = createTlsServer({
    cert: tls.certificate,
    key: tls.privateKey,
    ca: tls.ca,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.connectWithinMs,
  });
  const server = createServer({ noDelay: true, keepAlive: true });
  let clientsTaken = 0;

  server.on('connection', (socket) => {
    socket.on('error', () => socket.destroy()); // reset before its handshake; nothing to tell
    if (sockets.size >= limits.connectionsMax) {
      log.warn('bus-connections-exceeded', { connectionsMax: limits.connectionsMax });
      socket.end("-ERR 'maximum connections exceeded'\r\n");
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.write(`INFO ${JSON.stringify(info(socket, ++clientsTaken))}\r\n`);
    secure.emit('connection', socket); // documented: TLS on a connection that has begun without
  });

  secure.on('tlsClientError', (error, socket) => {
    log.info('bus-handshake-failed', { from: socket.remoteAddress ?? 'gone', error: error.message });
  });

  secure.on('secureConnection', (socket) => {
    const commonName = commonNameOfPeer(socket);
    const identity = commonName === undefined ? undefined : identityOf(commonName);
    if (identity !== undefined) return onClient(socket, identity);
    log.warn('bus-client-unknown', { from: socket.remoteAddress ?? 'gone', commonName: commonName ?? '' });
    socket.on('error', () => socket.destroy());
    socket.end("-ERR 'Authorization Violation'\r\n");
  });

  await bind(server, host, port);
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What clients decide by: no headers, so no answer to a request that nobody hears, and TLS before anything else. */
function info(socket: Socket, clientId: number) {
  return {
    server_id: 'GANTRY',
    server_name: 'gantry',
    version: '2.9.0', // clients turn features on by it; this is the protocol that we speak
    proto: 1,
    host: socket.localAddress ?? '',
    port: socket.localPort ?? 0,
    headers: false,
    auth_required: true,
    tls_required: true,
    tls_verify: true,
    max_payload: messageBytesMax,
    client_id: clientId,
    client_ip: socket.remoteAddress ?? '',
  };
}

function commonNameOfPeer(socket: TLSSocket): string | undefined {
  // Two CNs come as a list: nobody of ours has that. Typed as one text, and absent altogether on a closed socket.
  const subject = socket.getPeerCertificate().subject as { CN?: string | string[] } | undefined;
  return typeof subject?.CN === 'string' ? subject.CN : undefined;
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new OperatorError(`the message bus cannot listen on ${host} port ${port}: ${cause.code ?? cause.message}`, {
          code: 'bus-port-unavailable',
          hint: 'Another director or nats-server may run there. Choose another port or address in the config file.',
          details: { host, port },
          cause,
        }),
      );
    });
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}
