import { OperatorError } from '../common/errors.ts';
import type { AgentException } from './protocol.ts';

/** An action that could not do what it was asked. Its message goes to the director as the exception's. */
export class ActionFailed extends OperatorError {
  /** Where the whole of a long output was stored. */
  readonly blobId: string | undefined;

  constructor(
    message: string,
    options: { code: string; hint?: string; details?: Record<string, unknown>; blobId?: string; cause?: unknown },
  ) {
    const { blobId, ...rest } = options;
    super(message, rest);
    this.blobId = blobId;
  }
}

/** What the director receives for anything that was thrown. Stacks stay in our log: they may hold paths and values. */
export function exceptionOf(thrown: unknown): AgentException {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const hint = thrown instanceof OperatorError && thrown.hint !== undefined ? ` (${thrown.hint})` : '';
  const blobId = thrown instanceof ActionFailed ? thrown.blobId : undefined;
  return { message: `${thrown.message}${hint}`, ...(blobId === undefined ? {} : { blobstore_id: blobId }) };
}
