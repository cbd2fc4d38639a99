import { createTransport } from 'nodemailer';
import { plainText } from '../events.ts';
import { connected } from './connected.ts';
import type { Notifier } from './notifier.ts';

export interface EmailOptions {
  name: string;
  director: string;
  recipients: readonly string[];
  everyMs: number;
  smtp: {
    from: string;
    host: string;
    port: number;
    domain?: string | undefined;
    tls: 'starttls' | 'implicit' | 'none';
    user?: string | undefined;
    password?: string | undefined;
    /** PEM. */
    ca?: string | undefined;
  };
}

const waitMsMax = 10_000;

/** One mail for all alerts of some seconds. */
export function email({ name, director, recipients, everyMs, smtp }: EmailOptions): Notifier {
  return {
    name,
    wants: new Set(['alert']),
    batchMax: 500,
    gatherMs: everyMs,
    send: async (events, signal) => {
      const subject = `${events.length} ${events.length === 1 ? 'alert' : 'alerts'} from ${director}`;
      const mail = { from: smtp.from, to: [...recipients], subject, text: events.map(plainText).join('\n') };
      await sendMail(mail, smtp, signal);
    },
  };
}

async function sendMail(
  mail: { from: string; to: string[]; subject: string; text: string },
  { host, port, domain, tls, user, password, ca }: EmailOptions['smtp'],
  signal: AbortSignal,
): Promise<void> {
  const socket = await connected({ host, port }, signal);
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  const transport = createTransport({
    host,
    port,
    // A connection of our own is one that we can end.
    connection: socket,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(domain === undefined ? {} : { name: domain }),
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    greetingTimeout: waitMsMax,
    socketTimeout: waitMsMax,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail(mail);
  } finally {
    signal.removeEventListener('abort', abort);
    transport.close();
    socket.destroy();
  }
}
