import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2';
import { CliError } from '../failure.ts';
import type { Gateway } from './gateway.ts';

/** An instance that somebody logs in to. */
export interface Host {
  /** `web/3f2…`. */
  label: string;
  address: string;
  user: string;
  privateKey: string;
  /** As its agent told it; null: nobody can tell, and any is taken. */
  hostPublicKey: string | null;
}

const sshPort = 22;
/** Until a session is there: a machine under load, far away. */
const readyMsMax = 60_000;
const keepAliveMs = 30_000;

/** Connects to instances, through one gateway for all. */
export class Connector {
  readonly #gateway: Gateway;
  readonly #open = new Set<Client>();
  #through: Promise<Client> | undefined;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** @throws CliError when it can't be reached, does not let us in, or has another key than its agent told */
  async connect(host: Host): Promise<Client> {
    const { address, user, privateKey, hostPublicKey } = host;
    const sock = await this.#socketTo(address);
    return this.#login({
      host: address,
      port: sshPort,
      username: user,
      privateKey,
      ...(sock === undefined ? {} : { sock }),
      ...(hostPublicKey === null ? {} : only(hostPublicKey, host.label)),
    });
  }

  /** Breaks off what is still going on. */
  close(): void {
    for (const client of this.#open) client.destroy();
    this.#open.clear();
  }

  async #socketTo(address: string): Promise<Duplex | undefined> {
    switch (this.#gateway.kind) {
      case 'none':
        return undefined;
      case 'socks5': {
        const { SocksClient } = await import('socks');
        const { host, port } = this.#gateway;
        const { socket } = await SocksClient.createConnection({
          proxy: { host, port, type: 5 },
          command: 'connect',
          destination: { host: address, port: sshPort },
          timeout: readyMsMax,
        }).catch((error: unknown) => {
          throw new CliError(`Connecting through the proxy ${host}:${port}`, error);
        });
        return socket;
      }
      case 'ssh': {
        const { host } = this.#gateway;
        const gateway = await (this.#through ??= this.#loginAtGateway());
        return new Promise((resolve, reject) =>
          gateway.forwardOut('127.0.0.1', 0, address, sshPort, (error, channel) => {
            if (error === undefined) resolve(channel);
            else reject(new CliError(`Connecting through the gateway ${host}`, error));
          }),
        );
      }
    }
  }

  /** Its key is not checked: it only forwards bytes, between ends that check each other. As bosh. */
  async #loginAtGateway(): Promise<Client> {
    if (this.#gateway.kind !== 'ssh') throw new Error('there is no gateway to log in at');
    const { host, port, user: username, key } = this.#gateway;
    try {
      return await this.#login({ host, port, username, ...key });
    } catch (error) {
      throw new CliError(`Logging in at the gateway ${username}@${host}`, error);
    }
  }

  #login(config: ConnectConfig): Promise<Client> {
    const client = new ssh2.Client();
    this.#open.add(client);
    return new Promise((resolve, reject) => {
      client.once('ready', () => resolve(client));
      client.once('error', reject);
      // Later ones end the channels, whose users hear of it.
      client.on('error', () => {});
      client.once('close', () => {
        this.#open.delete(client);
        reject(new Error('the connection was closed'));
      });
      client.connect({ ...config, readyTimeout: readyMsMax, keepaliveInterval: keepAliveMs });
    });
  }
}

/** Of the key's own kind: a server that has several must show the one that we know. */
function only(hostPublicKey: string, label: string): Pick<ConnectConfig, 'algorithms' | 'hostVerifier'> {
  const [kind = '', blob = ''] = hostPublicKey.trim().split(/\s+/);
  const serverHostKey = (
    kind === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [kind]
  ) as ServerHostKeyAlgorithm[]; // as its agent names it
  const expected = Buffer.from(blob, 'base64');
  if (expected.length === 0) throw new CliError(`The agent of ${label} told no host key: '${hostPublicKey}'`);
  return { algorithms: { serverHostKey }, hostVerifier: (key: Buffer) => key.equals(expected) };
}
