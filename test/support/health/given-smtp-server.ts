import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, createSecureContext } from 'node:tls';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and text, as they came. */
  content: string;
  secured: boolean;
  user: string | null;
}

export interface SmtpServerOptions {
  /** PEM; without: it offers no TLS. */
  tls?: { key: string; cert: string };
  /** TLS from the first byte on. */
  implicit?: boolean;
  users?: Readonly<Record<string, string>>;
  /** `silent`: takes connections and says nothing. `refusing`: no mail is welcome. */
  behaves?: 'well' | 'silent' | 'refusing';
}

/** As much of a mail server as it takes to receive one: RFC 5321 with STARTTLS and AUTH PLAIN. */
export async function givenSmtpServer({ tls, implicit = false, users = {}, behaves = 'well' }: SmtpServerOptions = {}) {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    if (behaves !== 'silent') new Session(socket, { tls, users, refuses: behaves === 'refusing', mails }).begin();
  };
  const server = implicit && tls !== undefined ? createTlsServer(tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface SessionOptions {
  tls: { key: string; cert: string } | undefined;
  users: Readonly<Record<string, string>>;
  refuses: boolean;
  mails: ReceivedMail[];
}

class Session {
  #socket: Socket;
  readonly #options: SessionOptions;
  #buffered = '';
  #user: string | null = null;
  #mail: { from: string; to: string[] } = { from: '', to: [] };
  #content: string[] | undefined;

  constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  begin(): void {
    this.#listen();
    this.#say('220 test');
  }

  #listen(): void {
    this.#socket.on('data', (bytes: Buffer) => {
      this.#buffered += bytes.toString();
      for (let end = this.#buffered.indexOf('\r\n'); end >= 0; end = this.#buffered.indexOf('\r\n')) {
        const line = this.#buffered.slice(0, end);
        this.#buffered = this.#buffered.slice(end + 2);
        if (this.#content === undefined) this.#command(line);
        else this.#take(line);
      }
    });
  }

  #take(line: string): void {
    if (line !== '.') return void this.#content?.push(line.replace(/^\./, ''));
    const content = (this.#content ?? []).join('\n');
    this.#options.mails.push({
      ...this.#mail,
      content,
      secured: this.#socket instanceof TLSSocket,
      user: this.#user,
    });
    this.#content = undefined;
    this.#say('250 taken');
  }

  #command(line: string): void {
    const { tls, users, refuses } = this.#options;
    const [verb = '', ...rest] = line.split(' ');
    const argument = rest.join(' ');
    const address = /<(.*)>/.exec(argument)?.[1] ?? '';
    switch (verb.toUpperCase()) {
      case 'EHLO': {
        const offers = [
          ...(tls !== undefined && !(this.#socket instanceof TLSSocket) ? ['STARTTLS'] : []),
          ...(Object.keys(users).length > 0 ? ['AUTH PLAIN'] : []),
        ];
        return this.#say(
          ['test', ...offers].map((offer, n) => `250${n === offers.length ? ' ' : '-'}${offer}`).join('\r\n'),
        );
      }
      case 'STARTTLS':
        return this.#secure();
      case 'AUTH': {
        const [, user = '', password = ''] = Buffer.from(rest[1] ?? '', 'base64')
          .toString()
          .split('\0');
        if (users[user] !== password) return this.#say('535 who are you');
        this.#user = user;
        return this.#say('235 welcome');
      }
      case 'MAIL':
        if (refuses) return this.#say('550 not from you');
        if (Object.keys(users).length > 0 && this.#user === null) return this.#say('530 log in first');
        this.#mail = { from: address, to: [] };
        return this.#say('250 ok');
      case 'RCPT':
        this.#mail.to.push(address);
        return this.#say('250 ok');
      case 'DATA':
        this.#content = [];
        return this.#say('354 go on');
      case 'QUIT':
        this.#say('221 bye');
        return void this.#socket.end();
      default:
        return this.#say('502 what?');
    }
  }

  #secure(): void {
    const { tls } = this.#options;
    if (tls === undefined) return this.#say('454 no');
    this.#say('220 go on');
    this.#socket.removeAllListeners('data');
    this.#socket = new TLSSocket(this.#socket, { isServer: true, secureContext: createSecureContext(tls) });
    this.#socket.on('error', () => {});
    this.#listen();
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }
}
