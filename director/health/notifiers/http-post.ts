import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface Post {
  url: string;
  headers?: Readonly<Record<string, string>>;
  body: string;
  /** PEM, of those who may have signed the server's certificate, in place of the well-known ones. */
  ca?: string;
  signal: AbortSignal;
}

/** Of an answer that refuses: enough to tell why. */
const answerCharactersMax = 300;

/** JSON to a server that answers with a 2xx. Redirects are not followed: they may lead anywhere. @throws Error telling its answer */
export function postJson({ url, headers = {}, body, ca, signal }: Post): Promise<void> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      agent: false, // one that hangs leaves no connection behind
      ...(ca === undefined ? {} : { ca }),
      signal,
    });
    asked.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    asked.once('response', (response) => {
      const { statusCode = 0 } = response;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < answerCharactersMax) text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`the server answered ${statusCode}: ${text.slice(0, answerCharactersMax)}`));
      });
    });
    asked.end(body);
  });
}
