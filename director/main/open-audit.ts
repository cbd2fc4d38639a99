import { OperatorError, messageOf } from '../../common/errors.ts';
import { openLineFile, type LineFile } from '../../common/line-file.ts';
import type { Log } from '../../common/log.ts';
import { auditFields, cefLine, isChange, type AuditEntry, type CefOptions } from '../auth/audit.ts';
import type { DirectorConfig } from '../config.ts';

export interface OpenAudit {
  tell: (entry: AuditEntry) => void;
  close: () => void;
}

/** Where the config file wants to have requests told. @throws OperatorError `audit-file-unwritable` */
export function openAudit({ audit }: Pick<DirectorConfig, 'audit'>, log: Log, cef: CefOptions): OpenAudit {
  const open = (key: string, path: string) => openFile(key, path, log);
  const file = audit.file === undefined ? undefined : open('audit.file', audit.file);
  const access = audit.logAccessEvents ? open('audit.access_file', audit.accessFile) : undefined;
  return {
    tell: (entry) => {
      access?.write(cefLine(entry, cef));
      if (!isChange(entry)) return;
      const fields = auditFields(entry);
      if (audit.log) log.info('request-audited', fields);
      file?.write(JSON.stringify({ time: new Date(entry.atMs).toISOString(), ...fields }));
    },
    close: () => {
      file?.close();
      access?.close();
    },
  };
}

function openFile(key: string, path: string, log: Log): LineFile {
  try {
    return openLineFile(path, (error) => log.error('audit-not-written', { file: path, why: error.message }));
  } catch (thrown) {
    throw new OperatorError(`${key}: ${path} can't be written: ${messageOf(thrown)}`, {
      code: 'audit-file-unwritable',
      hint: `Correct "${key}" in the config file, or make its directory, writable for the director.`,
      details: { key, path },
      cause: thrown,
    });
  }
}
