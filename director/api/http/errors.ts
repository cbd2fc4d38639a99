import type { ErrorRequestHandler, RequestHandler } from 'express';
import { OperatorError } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import { wireCodeOf } from '../../wire-codes.ts';
import { closeIfBodyUnread, plainText } from './answers.ts';

/** Turns what a route threw into BOSH's `{code, description}`; a bug of ours is a 500 that tells nothing. */
export function answerErrors(log: Log): ErrorRequestHandler {
  return (thrown: unknown, req, res, _next) => {
    closeIfBodyUnread(req, res);
    const error = badUrl(thrown) ?? thrown;
    const { code, status } = wireCodeOf(error);
    if (!(error instanceof OperatorError)) {
      log.error('request-broke', { method: req.method, path: req.path, error: stackOf(error) });
    } else {
      log.debug('request-refused', { method: req.method, path: req.path, status, code, error: error.code });
    }
    if (res.headersSent) {
      res.destroy(); // half an answer is told by its broken end
      return;
    }
    if (!(error instanceof OperatorError)) res.status(500).end();
    else {
      res.locals['reason'] = error.message;
      res.status(status).json({ code, description: describe(error) });
    }
  };
}

/** For every path that no route took. */
export const answerNotFound: RequestHandler = (req, res) => {
  closeIfBodyUnread(req, res);
  plainText(res, 404, `Endpoint '${req.path}' not found.`);
};

/** Clients show this text alone, so what to do belongs to it. */
function describe(error: OperatorError): string {
  return error.hint === undefined ? error.message : `${error.message.replace(/\.$/, '')}. ${error.hint}`;
}

/** Express throws this for a path such as `/deployments/%zz`. */
function badUrl(thrown: unknown): OperatorError | undefined {
  if (!(thrown instanceof URIError)) return undefined;
  return new OperatorError('The path is not properly percent-encoded', { code: 'field-invalid-value' });
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
