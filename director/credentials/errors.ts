import { OperatorError } from '../../common/errors.ts';

const generationFailedCode = 540005;
const fetchFailedCode = 540001;

/** @param why without the value and without its parameters, which may be secret */
export function generationFailed(name: string, type: string, why: string, cause?: unknown): OperatorError {
  return new OperatorError(`Config Server failed to generate value for '${name}' with type '${type}'. ${why}`, {
    code: 'variable-generation-failed',
    hint: 'Correct the options of this variable in the manifest, and deploy again.',
    details: { name, type, boshCode: generationFailedCode },
    cause,
  });
}

/** @param what `fetch variable '/x'` */
export function serverFailed(
  what: string,
  why: string,
  options: { hint?: string; cause?: unknown; retryable?: boolean } = {},
) {
  return new OperatorError(`Failed to ${what} from config server: ${why}`, {
    code: 'config-server-failed',
    hint: options.hint ?? 'See whether the config server runs and answers; then deploy again.',
    retryable: options.retryable ?? false,
    details: { boshCode: fetchFailedCode },
    cause: options.cause,
  });
}

export function keyMissing(keyIds: readonly string[], file: string): OperatorError {
  return new OperatorError(`variables are encrypted with key ${keyIds.join(', ')}, which is not in ${file}`, {
    code: 'variables-key-missing',
    hint:
      'Put the key file back from a backup of the state directory, or copy it from another director of this database. ' +
      'Without it no variable can be read.',
    details: { keyIds, file },
  });
}

export function keyFileUnusable(file: string, why: string): OperatorError {
  return new OperatorError(`the key file of variables, ${file}, can't be used: ${why}`, {
    code: 'variables-key-unusable',
    hint: 'Put it back from a backup of the state directory. Only the user of the director may read it: chmod 600.',
    details: { file },
  });
}

/** The value was changed, or belongs to another name: whoever did that had the database and not the key. */
export function damaged(name: string, id: string): OperatorError {
  return new OperatorError(`version ${id} of variable '${name}' can't be decrypted: its row was changed`, {
    code: 'variable-damaged',
    hint: 'Restore the database from a backup, or set the variable anew.',
    details: { name, id },
  });
}
