import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../common/clock.ts';
import { CliError, during } from './failure.ts';

export interface DirectorClientOptions {
  /** `host`, `host:port`, or a URL; always spoken to by TLS, on 25555 where nothing else is said. */
  readonly environment: string;
  /** PEM. Empty: the CAs that node trusts. */
  readonly caCert: string;
  /** The value of the Authorization header; asked for again, fresh, after a 401. */
  readonly authorization: (fresh: boolean) => Promise<string | undefined>;
  readonly clock: Clock;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Body;
}
/** A stream is opened when it is sent: a call that is repeated after a 401 sends it again. */
export type Body = string | { readonly bytes: number; readonly open: () => Readable };

export interface Answer {
  readonly status: number;
  /** `Not Found`. */
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The same, as UTF-8. */
  readonly text: string;
}

const defaultPort = 25_555;
/** Reads are repeated when the connection failed; writes never are, once they might have arrived. */
const readAttemptsMax = 5;
const readRetryMs = 500;
/** A director that says nothing for so long has gone; its own proxies give up after 15 minutes. */
const silenceMsMax = 900_000;
/** Listings and results; what can be larger (artifacts) goes to a file. */
const answerBytesMax = 512 * 1024 * 1024;
const redirectsMax = 3;
const good = new Set([200, 201, 204, 206, 302]);

/** Speaks HTTP to one director. Redirects are followed by their path alone, as bosh clients do. */
export class DirectorClient {
  readonly #options: DirectorClientOptions;
  readonly #agent: Agent;
  readonly endpoint: string;
  #closed = false;

  constructor(options: DirectorClientOptions) {
    this.#options = options;
    const { host, port } = endpointOf(options.environment);
    this.endpoint = `https://${host}:${port}`;
    this.#agent = new Agent({ keepAlive: true, ...(options.caCert === '' ? {} : { ca: options.caCert }) });
  }

  async json<T>(call: Call): Promise<T> {
    const { text } = await this.call(call);
    try {
      return JSON.parse(text) as T; // the contract's; a director of another version may add keys
    } catch (error) {
      throw new CliError('Unmarshaling Director response', error);
    }
  }

  get<T>(path: string): Promise<T> {
    return this.json<T>({ method: 'GET', path });
  }

  /** @throws CliError unless the status is one of those that clients of BOSH take for success */
  async call(call: Call): Promise<Answer> {
    const answer = await this.attempt(call);
    if (good.has(answer.status)) return answer;
    throw new Refused(answer);
  }

  /** The answer whatever its status is, redirects followed. */
  async attempt(call: Call): Promise<Answer> {
    let answer = await this.#read(call);
    for (let followed = 0; answer.status === 302; followed++) {
      const { location } = answer.headers;
      if (location === undefined || followed === redirectsMax) return answer;
      answer = await this.#read({ method: 'GET', path: new URL(location, this.endpoint).pathname });
    }
    return answer;
  }

  /** Streams an answer's body; the way for artifacts. */
  async download(path: string, to: NodeJS.WritableStream): Promise<void> {
    const response = await this.#send({ method: 'GET', path });
    if (response.statusCode !== 200) throw new Refused(await answerOf(response));
    await pipeline(response, to);
  }

  /** What has not been answered fails. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  async #read(call: Call): Promise<Answer> {
    return answerOf(await this.#send(call));
  }

  async #send(call: Call): Promise<IncomingMessage> {
    const response = await this.#authorized(call, false);
    if (response.statusCode !== 401) return response;
    // once again with fresh credentials, where there are any: a token may have expired
    const [old, fresh] = [await this.#options.authorization(false), await this.#options.authorization(true)];
    if (fresh === undefined || fresh === old) return response;
    response.resume();
    return this.#authorized(call, true);
  }

  async #authorized(call: Call, fresh: boolean): Promise<IncomingMessage> {
    const authorization = await this.#options.authorization(fresh);
    const what = `Performing request ${call.method} '${this.endpoint}${call.path}'`;
    const attempts = call.method === 'GET' ? readAttemptsMax : 1;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(call, authorization);
      } catch (error) {
        if (attempt >= attempts || this.#closed || isTlsFault(error))
          throw new CliError(what, explained(error, this.endpoint));
        await this.#options.clock.sleep(readRetryMs);
      }
    }
  }

  async #once({ method, path, headers = {}, body }: Call, authorization?: string): Promise<IncomingMessage> {
    const length = body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.bytes;
    const outgoing = request(`${this.endpoint}${path}`, {
      method,
      agent: this.#agent,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(method === 'GET' ? {} : { 'content-length': length }),
        ...headers,
      },
    });
    outgoing.setTimeout(silenceMsMax, () => outgoing.destroy(new Error('the director fell silent')));
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>; // the event's signature
    if (body === undefined || typeof body === 'string') {
      outgoing.end(body);
      return (await answered)[0];
    }
    // A refusal may come before all is sent. Then the answer counts, and that the rest could not be sent doesn't.
    const sent = pipeline(body.open(), outgoing);
    sent.catch(() => {});
    const [response] = await Promise.race([answered, sent.then(() => answered)]);
    return response;
  }
}

/** The director said no. */
export class Refused extends CliError {
  readonly answer: Answer;
  constructor(answer: Answer) {
    const said = answer.text.trimEnd();
    super(
      notBuilt(answer) ??
        `Director responded with non-successful status code '${answer.status}' response '${said}'${hintFor(answer)}`,
    );
    this.answer = answer;
  }
}

/** What the director says that it can't do yet is a sentence for people. */
function notBuilt({ status, text }: Answer): string | undefined {
  if (status !== 501) return undefined;
  const [, description] = /"description":("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
  return description === undefined ? undefined : String(JSON.parse(description));
}

/** Who is known, but may not do it, is told so as JSON; anybody else in plain text. */
function hintFor({ status, text: said }: Answer): string {
  if (status !== 401 || said.startsWith('{')) return '';
  return `\n${whoHint}`;
}

export const whoHint =
  'The name or the password is wrong, or missing: set BOSH_CLIENT and BOSH_CLIENT_SECRET (or --client and ' +
  '--client-secret), or run `gantry log-in`.';

/** A listing under a name of what was being done, for the error. */
export function fetching<T>(client: DirectorClient, what: string, path: string): Promise<T> {
  return during(what, client.get<T>(path));
}

export function endpointOf(environment: string): { host: string; port: number } {
  if (environment === '') throw new CliError('Expected non-empty Director URL');
  const bare = /^[^/]*:\/\//.test(environment) ? environment : `https://${environment}`;
  if (!URL.canParse(bare)) throw new CliError(`Expected to extract host from URL '${environment}'`);
  const { hostname } = new URL(bare);
  // URL drops the port that is the scheme's own
  const port = /^[^/]*:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(bare)?.[1];
  return { host: hostname, port: port === undefined ? defaultPort : Number(port) };
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new CliError(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  const { statusCode: status = 0, statusMessage: reason = '', headers } = response;
  return { status, reason, headers, bytes: whole, text: whole.toString('utf8') };
}

/** Repeating the call doesn't mend a certificate. */
function isTlsFault(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException; // an error of node's, with or without a code
  return /CERT|TLS|SSL|SELF_SIGNED/.test(code);
}

/** What to do when nobody could be reached, by node's code. */
const unreachable: Readonly<Record<string, (endpoint: string) => string>> = {
  ECONNREFUSED: (at) =>
    `No director listens at ${at}: start it (\`gantry director\`), or name another with BOSH_ENVIRONMENT or -e.`,
  ENOTFOUND: (at) => `The name in ${at} has no address: correct BOSH_ENVIRONMENT or -e.`,
  ETIMEDOUT: (at) => `Nobody answers at ${at}: see whether it is the right address, and whether a firewall is between.`,
  EHOSTUNREACH: (at) => `There is no way to ${at}: see whether it is the right address, and whether its machine runs.`,
};

function explained(error: unknown, endpoint: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException; // as above
  if (/SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/.test(code))
    return new CliError(
      `the certificate of ${endpoint} is signed by nobody we trust (${code})\n` +
        `Name the director's CA with --ca-cert or BOSH_CA_CERT, or once for all with alias-env.`,
    );
  const hint = unreachable[code]?.(endpoint);
  if (hint === undefined) return error;
  // of a name with several addresses, the first that was tried
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [error as Error]; // node's
  return new CliError(`${first?.message ?? code}\n${hint}`);
}
