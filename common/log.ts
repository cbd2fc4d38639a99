import { pino } from 'pino';

/**
 * Logs are events with a name and fields (`vm-created {instance, vmCid, tookMs}`), one JSON line each.
 * Secrets go in no field: redact when writing, not when reading.
 */
export interface Log {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
  /** The same log, with these fields on every line. */
  with(fields: Record<string, unknown>): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * JSON lines to a file descriptor (2: standard error) or a file.
 * @param options `as`: what each line is written as, for somebody who looks at it
 */
export function createLog({
  level,
  to = 2,
  as,
}: {
  level: LogLevel;
  to?: number | string;
  as?: (line: string) => string;
}): Log {
  const destination = pino.destination({ dest: to, sync: true });
  const stream = as === undefined ? destination : { write: (line: string) => void destination.write(as(line)) };
  return wrap(pino({ level, base: null, messageKey: 'event' }, stream));
}

/** Says nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
};

function wrap(line: pino.Logger): Log {
  return {
    debug: (event, fields) => line.debug(fields ?? {}, event),
    info: (event, fields) => line.info(fields ?? {}, event),
    warn: (event, fields) => line.warn(fields ?? {}, event),
    error: (event, fields) => line.error(fields ?? {}, event),
    with: (fields) => wrap(line.child(fields)),
  };
}
