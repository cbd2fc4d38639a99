import type { RequestHandler } from 'express';

/**
 * Lets only bodies of this media type into a route; others fall through, to "Endpoint not found", as in BOSH.
 * What follows a `;` does not count.
 */
export function consumes(mediaType: string): RequestHandler {
  return (req, _res, next) => {
    const given = (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
    if (given === mediaType) next();
    else next('route');
  };
}
