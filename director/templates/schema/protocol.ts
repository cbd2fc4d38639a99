import type { Fault } from '../../../common/errors.ts';

/** To the thread that checks (worker.ts), one at a time. */
export interface CheckRequest {
  /** The text of a properties_schema.json. */
  readonly schema: string;
  /** JSON. */
  readonly properties: string;
}

export type CheckAnswer =
  | { readonly faults: Fault[] }
  /** Why the schema can't be used. */
  | { readonly unusable: string };

/** What it says first, once it can serve. */
export const ready = 'ready';
