import type { IncomingHttpHeaders } from 'node:http';

/** Who makes a request, and what they may do. */
export interface User {
  /** Of a program that speaks for itself, its client's. */
  name: string;
  scopes: readonly string[];
  /** The client by which a token came; undefined: none, a name and a password did. */
  client?: string;
}

/** Finds out who makes a request: by a password, or by a token of an issuer. */
export interface IdentityProvider {
  /**
   * For `/info`: how a client shall log in.
   * @param host the Host header by which it reached the director
   */
  clientInfo(host?: string): { type: string; options: Record<string, unknown> };
  /**
   * Undefined: no credentials, or wrong ones. Never throws for what a client sent.
   * @param from the address of who sent it
   * @throws OperatorError where it can't be found out now
   */
  identify(headers: IncomingHttpHeaders, from: string): Promise<User | undefined>;
}

/** The header, also under the names that proxies give it. Source: BOSH's base_controller. */
export function authorizationOf(headers: IncomingHttpHeaders): string | undefined {
  for (const name of ['authorization', 'x-http_authorization', 'x_http_authorization']) {
    const value = headers[name];
    if (typeof value === 'string') return value;
  }
  return undefined;
}
