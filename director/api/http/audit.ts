import type { RequestHandler } from 'express';
import type { Clock } from '../../../common/clock.ts';
import { shownHeaders, type AuditEntry } from '../../auth/audit.ts';
import { addressOf, maybeUserOf } from './request.ts';

/** Tells of every request once it was answered, or its client has gone. */
export function auditRequests(tell: (entry: AuditEntry) => void, clock: Clock): RequestHandler {
  return (req, res, next) => {
    const atMs = clock.now();
    const from = addressOf(req);
    const { path } = req;
    res.once('close', () => {
      const { attempted, reason } = res.locals as { attempted?: string; reason?: string };
      tell({
        atMs,
        user: maybeUserOf(res),
        attempted,
        from,
        method: req.method,
        path,
        status: res.statusCode,
        reason,
        tookMs: clock.now() - atMs,
        headers: Object.fromEntries(
          shownHeaders.flatMap((name) => {
            const value = req.headers[name];
            return value === undefined ? [] : [[name, String(value)]];
          }),
        ),
      });
    });
    next();
  };
}
