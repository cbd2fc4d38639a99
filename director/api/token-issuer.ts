import { Router, type ErrorRequestHandler, type Request, type Response } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { GrantRefused } from '../auth/issuer/grant-refused.ts';
import type { Issuer } from '../auth/issuer/issuer.ts';
import type { AccessTokens } from '../auth/issuer/access-tokens.ts';
import { signingAlgorithm, type PublicKey } from '../auth/issuer/signing-keys.ts';
import { parseBasic } from '../auth/local-users.ts';
import type { Permissions } from '../auth/permissions.ts';
import type { IdentityProvider } from '../auth/user.ts';
import { closeIfBodyUnread } from './http/answers.ts';
import { readText } from './http/bodies.ts';
import { pathText } from './http/query.ts';
import { addressOf } from './http/request.ts';

/** Below the director's own URL: one port and one certificate for both. */
export const issuerPath = '/uaa';

export interface TokenIssuerDeps {
  issuer: Issuer;
  tokens: AccessTokens;
  identity: IdentityProvider;
  permissions: Permissions;
  keys: readonly PublicKey[];
  version: string;
  log: Log;
  /** The issuer's own URL, as its tokens name it. */
  url: () => string;
}

const formBytesMax = 64 * 1024;

/** The part of a UAA that directors' clients use. Open to everyone: who asks proves themselves in each request. */
export function tokenIssuerRoutes(deps: TokenIssuerDeps): Router {
  const { issuer, tokens, identity, permissions, keys } = deps;
  const router = Router();
  const at = (path: string) => `${issuerPath}${path}`;

  router.post(at('/oauth/token'), async (req, res) => {
    const parameters = await readForm(req);
    res.locals['attempted'] = parameters.get('username') ?? clientIn(req, parameters)?.name;
    const answer = await issuer.grant({ client: clientIn(req, parameters), parameters, from: addressOf(req) });
    res.set('Cache-Control', 'no-store').json(answer);
  });

  // RFC 7009: whoever has the token may give it up.
  router.post(at('/oauth/revoke'), async (req, res) => {
    await issuer.revoke((await readForm(req)).get('token') ?? '');
    res.status(200).end();
  });

  router.delete(at('/oauth/token/revoke/user/:user'), async (req, res) => {
    const user = await identity.identify(req.headers, addressOf(req));
    if (user === undefined) throw new GrantRefused('unauthorized', 'A token is needed');
    const name = pathText(req, 'user');
    if (user.name !== name || user.client === user.name) permissions.require('admin', user.scopes);
    res.json({ revoked: await issuer.revokeAllOf(name) });
  });

  router.post(at('/check_token'), async (req, res) => {
    const parameters = await readForm(req);
    await issuer.clientOf({ client: clientIn(req, parameters), from: addressOf(req) });
    const verified = await tokens.verify(parameters.get('token') ?? '');
    if ('refused' in verified) throw new GrantRefused('invalid_token', verified.refused);
    res.json(verified.claims);
  });

  router.get(at('/token_keys'), (_req, res) => void res.json({ keys }));
  router.get(at('/token_key'), (_req, res) => void res.json(keys.at(-1)));
  router.get(at('/.well-known/openid-configuration'), (_req, res) => void res.json(discovery(deps.url())));
  for (const path of ['/login', '/info']) router.get(at(path), (_req, res) => void res.json(prompts(deps)));

  router.use(answerRefusals(deps.log));
  return router;
}

/** What a client asks its user for; the CLI shows them in the order text, password. */
function prompts({ version, url }: TokenIssuerDeps) {
  return {
    app: { version },
    links: { uaa: url(), login: url() },
    zone_name: 'uaa',
    prompts: { username: ['text', 'Username'], password: ['password', 'Password'] },
  };
}

function discovery(url: string) {
  return {
    issuer: url,
    token_endpoint: `${url}/oauth/token`,
    revocation_endpoint: `${url}/oauth/revoke`,
    jwks_uri: `${url}/token_keys`,
    grant_types_supported: ['password', 'client_credentials', 'refresh_token'],
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [signingAlgorithm],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    claims_supported: ['sub', 'user_name', 'origin', 'iss', 'aud', 'exp', 'iat', 'jti', 'client_id', 'scope'],
  };
}

async function readForm(req: Request): Promise<Map<string, string>> {
  const type = (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new GrantRefused('invalid_request', 'The body must be application/x-www-form-urlencoded');
  }
  return new Map(new URLSearchParams(await readText(req, formBytesMax)));
}

/** By header or in the form. */
function clientIn(req: Request, form: ReadonlyMap<string, string>): { name: string; secret: string } | undefined {
  const basic = parseBasic(req.headers.authorization);
  if (basic !== undefined) return { name: basic.name, secret: basic.password };
  const name = form.get('client_id');
  return name === undefined ? undefined : { name, secret: form.get('client_secret') ?? '' };
}

/** OAuth's words for an error; what else there is, the director's own middleware answers. */
function answerRefusals(log: Log): ErrorRequestHandler {
  return (thrown: unknown, req, res: Response, next) => {
    if (thrown instanceof GrantRefused) {
      closeIfBodyUnread(req, res);
      res.locals['reason'] = thrown.message;
      log.info('token-not-given', { error: thrown.error, why: thrown.message, from: addressOf(req) });
      if (thrown.error === 'invalid_client') res.set('WWW-Authenticate', 'Basic realm="UAA/client"');
      res.status(thrown.status).json({ error: thrown.error, error_description: thrown.message });
    } else if (thrown instanceof OperatorError && thrown.retryable) {
      log.warn('token-not-given', { error: thrown.code, why: thrown.message });
      res.status(503).json({ error: 'temporarily_unavailable', error_description: thrown.message });
    } else next(thrown);
  };
}
