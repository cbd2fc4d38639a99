/**
 * Errors for operators. Anything else that is thrown is a bug of ours: it becomes a 500 and a failed task,
 * with its stack in the log and not in the answer.
 */
export interface OperatorErrorOptions {
  /** kebab-case and stable: operators and scripts match on it. Each has a section in docs/operators/errors.md. */
  code: string;
  /** What to do next, as a sentence or a command. */
  hint?: string;
  /** The values that the message speaks of, for machines. Never a secret. */
  details?: Record<string, unknown>;
  /** True when the same call may succeed later without anyone changing anything. Retry loops catch only these. */
  retryable?: boolean;
  /** For our log; never shown to a client. */
  cause?: unknown;
}

export class OperatorError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;
  readonly retryable: boolean;

  constructor(message: string, options: OperatorErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.hint = options.hint;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** One thing that is wrong with an input. */
export interface Fault {
  /** Where, in the words of the document: `instance_groups.2.networks.0.name`. Empty: the document as a whole. */
  path: string;
  /** What is wrong there, with the wrong value and what was expected. */
  message: string;
  /** Line in the document, from 1, where the parser knew it. */
  line?: number;
  /** "did you mean …" or what to write instead. */
  suggestion?: string;
}

/** An input with every fault that was found in it. */
export class InvalidInput extends OperatorError {
  readonly faults: readonly Fault[];

  constructor(what: string, faults: readonly Fault[], options: { code?: string; hint?: string } = {}) {
    super(`${what}: ${describeFaults(faults)}`, {
      code: options.code ?? 'invalid-input',
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      details: { faults },
    });
    this.faults = faults;
  }
}

/** One fault on one line; several as a list, each with its path and line. */
export function describeFaults(faults: readonly Fault[]): string {
  const one = (fault: Fault) =>
    (fault.path === '' ? '' : `${fault.path}: `) +
    fault.message +
    (fault.suggestion === undefined ? '' : ` (${fault.suggestion})`) +
    (fault.line === undefined ? '' : ` [line ${fault.line}]`);
  const [first] = faults;
  if (faults.length === 1 && first !== undefined) return one(first);
  return `${faults.length} faults\n${faults.map((fault) => `- ${one(fault)}`).join('\n')}`;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
