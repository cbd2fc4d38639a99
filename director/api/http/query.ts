import type { Request } from 'express';

/** One value of the query; of a repeated key the last, as Rack has it. */
export function queryText(req: Request, name: string): string | undefined {
  const value: unknown = req.query[name];
  if (typeof value === 'string') return value;
  const last: unknown = Array.isArray(value) ? value.at(-1) : undefined;
  return typeof last === 'string' ? last : undefined;
}

/** Only `true` is true. */
export function queryFlag(req: Request, name: string): boolean {
  return queryText(req, name) === 'true';
}

/** Every value of `name=` and of `name[]=`. */
export function queryList(req: Request, name: string): string[] {
  const values: unknown[] = [req.query[name], req.query[`${name}[]`]].flat();
  return values.filter((value) => typeof value === 'string');
}

/** A segment of the path. */
export function pathText(req: Request, name: string): string {
  const value: unknown = req.params[name];
  if (typeof value !== 'string') throw new Error(`the route has no parameter ${name}`);
  return value;
}
