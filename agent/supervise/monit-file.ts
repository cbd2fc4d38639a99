import { InvalidInput, type Fault } from '../../common/errors.ts';
import { parseRule, type Rule } from './monit-rules.ts';
import { TokenReader, tokenize } from './monit-tokens.ts';

/** One process to keep running, as a job's monit file says it. */
export interface ServiceDefinition {
  name: string;
  pidfile: string;
  start: ProgramLine | undefined;
  stop: ProgramLine | undefined;
  /** Services that must run before this one is started. */
  dependsOn: string[];
  rules: Rule[];
}

export interface ProgramLine {
  /** The program and its arguments; monit runs it without a shell. */
  argv: string[];
  user: string | undefined;
  group: string | undefined;
  timeoutMs: number;
}

export interface MonitFile {
  services: ServiceDefinition[];
  /** Statements that were understood as far as their end, and nothing is done about them. */
  ignored: string[];
}

/**
 * Reads the part of monit's language that jobs use: `check process` with a pidfile, programs, dependencies and rules.
 * Checks of anything but a process are passed over, as `ignored` tells.
 * @throws InvalidInput for a process that cannot be watched or started
 */
export function parseMonitFile(text: string, file: string): MonitFile {
  const reader = new TokenReader(tokenize(text));
  const parsed: MonitFile = { services: [], ignored: [] };
  const faults: Fault[] = [];
  let service: ServiceDefinition | undefined;
  while (!reader.done) {
    const line = reader.line;
    const keyword = reader.accept(...statements);
    if (keyword === undefined) {
      reader.take(); // what is left of a statement that we don't know
      continue;
    }
    if (keyword === 'check') {
      service = parseCheck(reader, parsed, { faults, line });
      continue;
    }
    if (keyword === 'if') {
      const rule = parseRule(reader);
      if (rule.kind === 'unknown') parsed.ignored.push(`line ${line}: if ${rule.text}`);
      service?.rules.push(rule);
      continue;
    }
    if (service !== undefined) parseStatement(keyword, reader, service);
  }
  if (faults.length > 0) throw new InvalidInput(`monit file ${file}`, faults, { code: 'monit-file-invalid' });
  return parsed;
}

function parseCheck(
  reader: TokenReader,
  parsed: MonitFile,
  { faults, line }: { faults: Fault[]; line: number },
): ServiceDefinition | undefined {
  const kind = reader.take()?.text.toLowerCase() ?? '';
  const name = reader.take()?.text ?? '';
  if (kind !== 'process') {
    parsed.ignored.push(`line ${line}: check ${kind} ${name}`);
    return undefined;
  }
  reader.skipNoise();
  const pidfile = reader.accept('pidfile') === undefined ? '' : (reader.skipNoise(), reader.take()?.text ?? '');
  if (!pidfile.startsWith('/')) {
    faults.push({
      path: name,
      line,
      message: 'a process is watched by its pidfile, with the whole path; there is none',
    });
  }
  const service = { name, pidfile, start: undefined, stop: undefined, dependsOn: [], rules: [] };
  parsed.services.push(service);
  return service;
}

function parseStatement(keyword: string, reader: TokenReader, service: ServiceDefinition): void {
  switch (keyword) {
    case 'start':
      service.start = parseProgram(reader);
      return;
    case 'stop':
      service.stop = parseProgram(reader);
      return;
    case 'restart':
      parseProgram(reader); // monit 5.2, which BOSH uses, has no program of its own for it
      return;
    case 'depends': {
      reader.accept('on');
      do {
        service.dependsOn.push(reader.take()?.text ?? '');
      } while (reader.accept(',') !== undefined);
      return;
    }
    default:
      reader.take(); // group, mode, every and alert take one word, and change nothing here
  }
}

/** `program = "<argv>" [as uid <u> and gid <g>] [with timeout <n> seconds|minutes]`, the options in any order. */
function parseProgram(reader: TokenReader): ProgramLine {
  reader.skipNoise();
  const argv = splitArguments(reader.take()?.text ?? '');
  const line: ProgramLine = { argv, user: undefined, group: undefined, timeoutMs: defaultTimeoutMs };
  for (;;) {
    reader.skipNoise();
    const option = reader.accept('uid', 'gid', 'timeout');
    if (option === undefined) return line;
    reader.skipNoise();
    const value = reader.take()?.text ?? '';
    if (option === 'uid') line.user = value;
    if (option === 'gid') line.group = value;
    if (option === 'timeout') {
      const unit = reader.accept('second', 'seconds', 'minute', 'minutes');
      line.timeoutMs = Number(value) * (unit?.startsWith('minute') === true ? 60_000 : 1_000) || defaultTimeoutMs;
    }
  }
}

/** As monit splits a program's line: by white space, but for what stands in quotes. */
export function splitArguments(line: string): string[] {
  const parts = line.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  return parts.map((part) => (/^(['"]).*\1$/s.test(part) ? part.slice(1, -1) : part));
}

const defaultTimeoutMs = 30_000;
const statements = ['check', 'start', 'stop', 'restart', 'if', 'depends', 'group', 'mode', 'every', 'alert', 'noalert'];
