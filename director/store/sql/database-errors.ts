import { OperatorError } from '../../../common/errors.ts';
import {
  databaseBusy,
  databaseDamaged,
  databaseIoFailed,
  databaseReadOnly,
  databaseUnreachable,
  diskFull,
} from '../errors.ts';

/** What the databases throw, as what an operator can act on. Anything that is left is a bug of ours, as it is. */
export function asOperatorError(thrown: unknown): unknown {
  if (thrown instanceof OperatorError) return thrown;
  const code = codeOf(thrown);
  if (code === undefined) {
    const message = thrown instanceof Error ? thrown.message : '';
    return faultsWithoutCode.test(message) ? databaseUnreachable(thrown) : thrown;
  }
  return fromSqlite(code, thrown) ?? fromPostgres(code, thrown) ?? thrown;
}

/** pg's own errors have no code. */
const faultsWithoutCode =
  /timeout exceeded when trying to connect|Connection terminated|encountered a connection error/;

/** A transaction that lost against another one and may simply be run again: deadlock, serialization failure. */
export function mayRunAgain(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === '40P01' || code === '40001';
}

function fromSqlite(code: string, thrown: unknown): OperatorError | undefined {
  if (code === 'SQLITE_FULL') return diskFull(thrown);
  if (code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM' || code === 'SQLITE_CANTOPEN')
    return databaseReadOnly(thrown);
  if (code.startsWith('SQLITE_BUSY')) return databaseBusy(0, thrown);
  if (code.startsWith('SQLITE_IOERR')) return databaseIoFailed(thrown);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return databaseDamaged(thrown);
  return undefined;
}

const networkFaults = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
function fromPostgres(code: string, thrown: unknown): OperatorError | undefined {
  if (code === '53100') return diskFull(thrown);
  if (code === '25006') return databaseReadOnly(thrown);
  if (code === '55P03' || code === '57014' || code === '25P03') return databaseBusy(0, thrown);
  // connection lost; password or role refused; too many connections; server stopping or starting
  if (/^(08|28)/.test(code) || code === '53300' || /^57P0[1-5]$/.test(code) || networkFaults.has(code))
    return databaseUnreachable(thrown);
  return undefined;
}

function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
