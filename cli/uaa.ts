import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { CliError, during } from './failure.ts';

/** What the UAA calls programs through which users log in. */
const publicClient = 'bosh_cli';
const waitMsMax = 30_000;

export interface Tokens {
  readonly accessToken: string;
  readonly type: string;
  /** Empty: a client's, which asks anew. */
  readonly refreshToken: string;
}

/** What the user is to be asked for. */
export interface Prompt {
  readonly key: string;
  readonly label: string;
  readonly hidden: boolean;
}

export interface UaaOptions {
  /** As `/info` has it. */
  readonly url: unknown;
  /** Of a client; empty: it is a user's. */
  readonly client: string;
  readonly secret: string;
  readonly caCert: string;
  /** Whoever closes the connection wants no token any more. */
  readonly signal: AbortSignal;
}

/** Where tokens come from: a UAA, or a director that answers as one. Sends what the bosh CLI sends. */
export class Uaa {
  readonly #options: UaaOptions;
  readonly #url: string;

  constructor(options: UaaOptions) {
    if (typeof options.url !== 'string') throw new CliError(`Expected URL '${String(options.url)}' to be a string`);
    this.#options = options;
    this.#url = options.url.replace(/\/$/, '');
  }

  async prompts(): Promise<Prompt[]> {
    const answer = await during('Requesting UAA prompts', this.#call('GET', '/login'));
    const { prompts = {} } = JSON.parse(answer) as { prompts?: Record<string, [type: string, label: string]> }; // UAA's
    return Object.entries(prompts)
      .map(([key, [type, label]]) => ({ key, label, hidden: type === 'password', type }))
      .sort((a, b) => (a.type < b.type ? 1 : a.type > b.type ? -1 : 0)); // text before password, as bosh does
  }

  forClient(): Promise<Tokens> {
    return this.#token('Requesting token via client credentials grant', { grant_type: 'client_credentials' });
  }

  /** @param answers to the prompts, by their keys */
  forUser(answers: Readonly<Record<string, string>>): Promise<Tokens> {
    return this.#token('Requesting token via client credentials grant', { grant_type: 'password', ...answers });
  }

  refreshed(refreshToken: string): Promise<Tokens> {
    return this.#token('Refreshing token', { grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  /** Gives the log-in up, where the issuer says how; a UAA does not. */
  async revoke(refreshToken: string): Promise<void> {
    const configuration = JSON.parse(await this.#call('GET', '/.well-known/openid-configuration')) as object;
    if (!('revocation_endpoint' in configuration)) return;
    await this.#call('POST', '/oauth/revoke', { token: refreshToken });
  }

  async #token(what: string, grant: Readonly<Record<string, string>>): Promise<Tokens> {
    const answer = await during(what, this.#call('POST', '/oauth/token', grant));
    const { access_token, token_type, refresh_token } = JSON.parse(answer) as Record<string, string>; // RFC 6749, 5.1
    if (access_token === undefined) throw new CliError('the UAA answered without a token');
    return { accessToken: access_token, type: token_type ?? 'bearer', refreshToken: refresh_token ?? '' };
  }

  async #call(method: 'GET' | 'POST', path: string, form?: Readonly<Record<string, string>>): Promise<string> {
    const { client, secret, caCert, signal } = this.#options;
    const who = client === '' ? `${publicClient}:` : `${client}:${secret}`;
    const body = form === undefined ? '' : new URLSearchParams(form).toString();
    const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
      const outgoing = request(
        `${this.#url}${path}`,
        {
          method,
          ...(caCert === '' ? {} : { ca: caCert }),
          timeout: waitMsMax,
          signal,
          headers: {
            accept: 'application/json',
            ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
            'content-length': Buffer.byteLength(body),
            authorization: `Basic ${Buffer.from(who).toString('base64')}`,
          },
        },
        (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${waitMsMax} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    if (status === 200) return answer;
    throw new UaaRefused(status, answer);
  }
}

/** The UAA said no, which asking again does not change. */
export class UaaRefused extends CliError {
  constructor(status: number, answer: string) {
    super(`UAA responded with non-successful status code '${status}' response '${answer}'`);
  }
}

export interface TokenInfo {
  readonly user: string;
  readonly scopes: readonly string[];
  /** 0: it does not tell. */
  readonly expiresAtMs: number;
}

/** Whom a token is of and what it is good for, for people; it is not checked. Undefined: it does not tell. */
export function tokenInfo(token: string): TokenInfo | undefined {
  const [, claims, signature] = token.split('.');
  if (claims === undefined || signature === undefined) return undefined;
  try {
    const text = Buffer.from(claims, 'base64url').toString('utf8');
    const { user_name: user, scope, exp } = JSON.parse(text) as Record<string, unknown>;
    return {
      user: typeof user === 'string' ? user : '',
      scopes: Array.isArray(scope) ? scope.map(String) : [],
      expiresAtMs: typeof exp === 'number' ? exp * 1000 : 0,
    };
  } catch {
    return undefined;
  }
}
