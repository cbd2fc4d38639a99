import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Info } from '../director/api/contract/info.ts';
import { CliError, during } from './failure.ts';

/** What the UAA calls clients that have registered no one. */
const defaultClient = 'bosh_cli';
const tokenWaitMsMax = 30_000;

export interface Credentials {
  readonly client: string;
  readonly secret: string;
  /** Of a user who logged in to a UAA. */
  readonly refreshToken: string;
}

export interface AuthorizationOptions {
  readonly authentication: Info['user_authentication'];
  readonly credentials: Credentials;
  readonly caCert: string;
  /** Whoever closes the connection wants no token any more. */
  readonly signal: AbortSignal;
}

/** How to say who we are: HTTP basic, or a bearer token of the UAA that the director names. */
export function authorizationFor(options: AuthorizationOptions): (fresh: boolean) => Promise<string | undefined> {
  const { authentication, credentials } = options;
  const { client, secret, refreshToken } = credentials;
  if (authentication.type !== 'uaa') {
    // empty ones too: so the answer to them is "not authorized", and not a guess
    const basic = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
    return () => Promise.resolve(basic);
  }
  if (client === '' && refreshToken === '') return () => Promise.resolve(undefined);
  const grant =
    client === '' ? { grant_type: 'refresh_token', refresh_token: refreshToken } : { grant_type: 'client_credentials' };
  let token: Promise<string> | undefined;
  return (fresh) => {
    if (token === undefined || fresh) token = during('Requesting token', fetchToken(options, grant));
    return token;
  };
}

async function fetchToken(
  { authentication, credentials, caCert, signal }: AuthorizationOptions,
  grant: Record<string, string>,
): Promise<string> {
  const { url } = authentication.options;
  if (typeof url !== 'string') throw new CliError(`Expected URL '${String(url)}' to be a string`);
  const client = credentials.client === '' ? defaultClient : credentials.client;
  const secret = credentials.client === '' ? '' : credentials.secret;
  const body = new URLSearchParams(grant).toString();
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const outgoing = request(
      `${url.replace(/\/$/, '')}/oauth/token`,
      {
        method: 'POST',
        ...(caCert === '' ? {} : { ca: caCert }),
        timeout: tokenWaitMsMax,
        signal,
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
          authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`,
        },
      },
      (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${tokenWaitMsMax} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  if (status !== 200)
    throw new CliError(`UAA responded with non-successful status code '${status}' response '${answer}'`);
  const { access_token: token, token_type: type = 'bearer' } = JSON.parse(answer) as Record<string, string>; // RFC 6749, 5.1
  if (token === undefined) throw new CliError('the UAA answered without a token');
  return `${type} ${token}`;
}
