import { Type, type Static } from 'typebox';

/** The body of every refusal but 401 for missing credentials and 404 for unknown paths, which are plain text. */
export const ErrorBody = Type.Object({
  /** BOSH's number. */
  code: Type.Integer(),
  description: Type.String(),
});
export type ErrorBody = Static<typeof ErrorBody>;
