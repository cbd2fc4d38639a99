import { hostname, networkInterfaces } from 'node:os';
import type { User } from './user.ts';

/** One request, for whoever asks later who did what. Never a body, a query, a password or a token. */
export interface AuditEntry {
  atMs: number;
  user: User | undefined;
  /** The name that somebody tried to log in with. */
  attempted: string | undefined;
  /** The other end of the connection. */
  from: string;
  method: string;
  path: string;
  status: number;
  /** What was said where it was refused. */
  reason: string | undefined;
  tookMs: number;
  /** Those of `shownHeaders` that there were. */
  headers: Readonly<Record<string, string>>;
}

/** They tell of the way that a request took, and are never secret. */
export const shownHeaders = ['host', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-proto', 'user-agent'] as const;

const reasonMax = 500;
const reads = ['GET', 'HEAD', 'OPTIONS'];

export const isChange = ({ method }: AuditEntry) => !reads.includes(method);

/** For the log and for programs. */
export function auditFields({ user, attempted, headers, reason, from, method, path, status, tookMs }: AuditEntry) {
  const forwardedFor = headers['x-forwarded-for'];
  return {
    user: user?.name ?? null,
    ...(user?.client === undefined ? {} : { client: user.client }),
    ...(attempted === undefined ? {} : { attempted }),
    from,
    method,
    path,
    status,
    tookMs,
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
    ...(reason === undefined ? {} : { reason: oneLine(reason) }),
  };
}

export interface CefOptions {
  version: string;
  port: () => number;
  /** As `/info` has it: `basic` or `uaa`. */
  authType: string;
}

/** A line in the Common Event Format with the fields of BOSH's. Source: BOSH's request_logger. */
export function cefLine(entry: AuditEntry, { version, port, authType }: CefOptions): string {
  const { user, method, from, path, status, headers, reason } = entry;
  const bad = status >= 400;
  const isClient = user !== undefined && user.client === user.name;
  const fields = [
    ...(user === undefined || isClient ? [] : [`duser=${value(user.name)}`]),
    ...(user?.client === undefined ? [] : [`requestClientApplication=${value(user.client)}`]),
    `requestMethod=${method}`,
    `src=${from}`,
    `spt=${port()}`,
    `shost=${hostname()}`,
    `cs1=${addresses().join(',')} cs1Label=ips`,
    `cs2=${Object.entries(headers)
      .map(([name, text]) => `${rackName(name)}=${oneLine(text)}`)
      .join('&')} cs2Label=httpHeaders`,
    `cs3=${user === undefined ? 'none' : authType} cs3Label=authType`,
    `cs4=${status} cs4Label=responseStatus`,
    ...(bad && reason !== undefined ? [`cs5=${value(oneLine(reason))} cs5Label=statusReason`] : []),
  ];
  const head = ['CEF:0', 'CloudFoundry', 'BOSH', version, 'director_api', path, bad ? '7' : '1'].map(headField);
  const when = new Date(entry.atMs).toISOString().slice(0, 19);
  return `I, [${when} #${process.pid}] [] INFO -- DirectorAudit: ${head.join('|')}|${fields.join(' ')}`;
}

const headField = (text: string) => text.replace(/[\\|]/g, '\\$&');
const value = (text: string) => oneLine(text).replace(/[\\=]/g, '\\$&');
const rackName = (header: string) => header.toUpperCase().replaceAll('-', '_');

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, reasonMax);
}

function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
}
