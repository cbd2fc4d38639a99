import { openSync } from 'node:fs';
import { pino } from 'pino';

/** A file that lines are appended to; it may be moved away and begun anew by copying (logrotate's `copytruncate`). */
export interface LineFile {
  /** Never waits. */
  write(line: string): void;
  /** All of it is written when this returns. */
  close(): void;
}

/** @param failed a line could not be written; what is written later may go well again. @throws what the system says */
export function openLineFile(path: string, failed: (error: Error) => void): LineFile {
  const file = pino.destination({ dest: openSync(path, 'a', 0o600), sync: false });
  file.on('error', failed);
  return {
    write: (line) => void file.write(`${line}\n`),
    close: () => {
      file.flushSync();
      file.end();
    },
  };
}
