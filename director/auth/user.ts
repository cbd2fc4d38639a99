import type { IncomingHttpHeaders } from 'node:http';

/** Who makes a request, and what they may do. */
export interface User {
  name: string;
  scopes: readonly string[];
}

/**
 * Finds out who makes a request. Local users today; a UAA is another implementation of the same.
 */
export interface IdentityProvider {
  /** For `/info`: how a client shall log in. */
  clientInfo(): { type: string; options: Record<string, unknown> };
  /** Undefined: no credentials, or wrong ones. Never throws for what a client sent. */
  identify(headers: IncomingHttpHeaders): Promise<User | undefined>;
}

/** The header, also under the names that proxies give it. Source: BOSH's base_controller. */
export function authorizationOf(headers: IncomingHttpHeaders): string | undefined {
  for (const name of ['authorization', 'x-http_authorization', 'x_http_authorization']) {
    const value = headers[name];
    if (typeof value === 'string') return value;
  }
  return undefined;
}
