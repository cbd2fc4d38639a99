import { OperatorError } from '../common/errors.ts';

/**
 * What a command tells the operator when it fails: a sentence, and below it what lies behind. Shown as the bosh CLI
 * shows it (`outer:`, then the inner one indented), since scripts search for it.
 */
export class CliError extends Error {
  /** One cause, or several that stand side by side. */
  readonly inner: readonly unknown[];

  constructor(message: string, ...inner: readonly unknown[]) {
    super(message);
    this.name = 'CliError';
    this.inner = inner;
  }
}

/** Several failures of equal rank, as bullets. */
export class CliErrors extends CliError {}

/** The work's result; its failure is told as a part of what was being done. */
export async function during<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CliError(what, error);
  }
}

const indent = '  ';

export function describeError(error: unknown, prefix = '', bullet = ''): string {
  const first = prefix + bullet;
  const below = prefix + ' '.repeat(bullet.length);
  if (error instanceof CliErrors) return error.inner.map((each) => describeError(each, below, '- ')).join('\n');
  if (error instanceof CliError && error.inner.length > 0) {
    return `${first}${error.message}:\n${error.inner.map((each) => describeError(each, below + indent)).join('\n')}`;
  }
  if (error instanceof OperatorError) {
    const lines = [...error.message.split('\n'), ...(error.hint?.split('\n') ?? [])];
    return first + lines.join(`\n${below}`);
  }
  if (error instanceof Error) return first + (ofTheSystem(error) ?? error.message).replaceAll('\n', `\n${below}`);
  return first + String(error);
}

/** `open /etc/x: permission denied` for node's `EACCES: permission denied, open '/etc/x'`. */
function ofTheSystem(error: NodeJS.ErrnoException): string | undefined {
  const { code, syscall, path, message } = error;
  if (code === undefined || syscall === undefined || path === undefined) return undefined;
  const [, what] = message.match(/^[A-Z0-9]+: ([^,]+)/) ?? [];
  return what === undefined ? undefined : `${syscall} ${path}: ${what}`;
}
