import { OperatorError } from '../common/errors.ts';

/** The error types of the CPI protocol, without their prefix `Bosh::Clouds::`. */
export const cpiErrorTypes = [
  'CpiError',
  'NotImplemented',
  'NotSupported',
  'CloudError',
  'VMNotFound',
  'NetworkNotFound',
  'NoDiskSpace',
  'DiskNotAttached',
  'DiskNotFound',
  'VMCreationFailed',
] as const;

export type CpiErrorType = (typeof cpiErrorTypes)[number];

/** What an infrastructure answered instead of doing what it was asked. `code` is `cpi-<type in kebab-case>`. */
export class CpiError extends OperatorError {
  readonly type: CpiErrorType;

  constructor(
    type: CpiErrorType,
    message: string,
    options: { okToRetry?: boolean; hint?: string; cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, {
      code: codeOf(type),
      retryable: options.okToRetry ?? false,
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      ...(options.details === undefined ? {} : { details: options.details }),
      cause: options.cause,
    });
    this.type = type;
  }
}

/**
 * The call was made and nobody knows what came of it: the program died, or answered something that is no answer.
 * The VM or disk may exist. Never retried blindly: the director repeats the call under the same name.
 */
export class CpiOutcomeUnknown extends OperatorError {
  /** Asking again under the same name will tell no more: the program that knew has died. */
  readonly final: boolean;

  constructor(
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown>; hint?: string; final?: boolean } = {},
  ) {
    const { final = false } = options;
    super(message, {
      code: 'cpi-outcome-unknown',
      hint:
        options.hint ??
        (final
          ? 'It may have been made. Look for it on the infrastructure: it is given up, with a warning that names it, and running the task again makes another.'
          : 'Run the task again: the director first finds out what the infrastructure holds.'),
      ...(options.details === undefined ? {} : { details: options.details }),
      cause: options.cause,
    });
    this.final = final;
  }
}

export function isCpiError(thrown: unknown, type: CpiErrorType): thrown is CpiError {
  return thrown instanceof CpiError && thrown.type === type;
}

/** A call that this CPI does not have; callers fall back where the protocol says so. */
export function isUnsupported(thrown: unknown): boolean {
  return isCpiError(thrown, 'NotImplemented') || isCpiError(thrown, 'NotSupported');
}

function codeOf(type: CpiErrorType): string {
  const kebab = type
    .replace('VM', 'Vm')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase();
  return kebab.startsWith('cpi-') ? kebab : `cpi-${kebab}`;
}
