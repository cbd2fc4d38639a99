import type { Request, RequestHandler, Response } from 'express';
import { OperatorError } from '../../../common/errors.ts';
import type { DirectorPermission, Permissions } from '../../auth/permissions.ts';
import { authorizationOf, type IdentityProvider, type User } from '../../auth/user.ts';
import { contextIdCharactersMax, contextIdHeader } from '../contract/paths.ts';
import { closeIfBodyUnread, plainText } from './answers.ts';

/** What the first middleware found out; `res.locals` of every later one. */
interface Known {
  user: User | undefined;
  contextId: string;
}

/**
 * Finds out who asks, before anything of a body is read: an upload without leave costs nothing.
 * Answers 401 itself, but for paths that are open to everyone.
 */
export function authenticate(identity: IdentityProvider, isOpen: (path: string) => boolean): RequestHandler {
  return async (req, res, next) => {
    const given = authorizationOf(req.headers) !== undefined;
    const open = isOpen(req.path);
    const user = given ? await identified(identity, req, open) : undefined;
    const known: Known = { user, contextId: '' };
    Object.assign(res.locals, known);
    if (!open) {
      res.set('WWW-Authenticate', 'Basic realm="BOSH Director"');
      if (known.user === undefined) {
        closeIfBodyUnread(req, res);
        plainText(res, 401, `Not authorized: '${req.path}'\n`);
        return;
      }
    }
    res.locals['contextId'] = contextIdOf(req.get(contextIdHeader));
    next();
  };
}

/** Where nobody needs to be known, it does no harm that they can't be found out. */
async function identified(identity: IdentityProvider, req: Request, open: boolean): Promise<User | undefined> {
  try {
    return await identity.identify(req.headers, addressOf(req));
  } catch (thrown) {
    if (open && thrown instanceof OperatorError) return undefined;
    throw thrown;
  }
}

/** Of the other end of the connection; a proxy's, where there is one. */
export function addressOf(req: Request): string {
  return req.socket.remoteAddress ?? '';
}

/** Middleware that lets a request pass only with this leave on the director as a whole. */
export type Requires = (permission: DirectorPermission) => RequestHandler;

export function requiresOn(permissions: Permissions): Requires {
  return (permission) => (_req, res, next) => {
    permissions.require(permission, scopesOf(res));
    next();
  };
}

/** Behind `authenticate`, everywhere but on open paths. */
export function userOf(res: Response): User {
  const { user } = res.locals as Known;
  if (user === undefined) throw new Error('a route that needs a user was reached without one');
  return user;
}

export function scopesOf(res: Response): readonly string[] {
  return userOf(res).scopes;
}

/** Undefined: nobody, on an open path. */
export function maybeUserOf(res: Response): User | undefined {
  return (res.locals as Known).user;
}

export function contextIdOfRequest(res: Response): string {
  return (res.locals as Known).contextId;
}

function contextIdOf(header: string | undefined): string {
  if (header === undefined || header.length <= contextIdCharactersMax) return header ?? '';
  throw new OperatorError(`X-Bosh-Context-Id cannot be more than ${contextIdCharactersMax} characters in length`, {
    code: 'context-id-too-long',
    details: { characters: header.length },
  });
}
