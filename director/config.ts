import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Static } from 'typebox';
import { InvalidInput, OperatorError, type Fault } from '../common/errors.ts';
import { readYaml } from '../manifests/yaml.ts';
import type { CamelKeys } from './config/camel-keys.ts';
import { faultsOfPeople, withTeams } from './config/check-people.ts';
import { readSection, type Schema } from './config/read-section.ts';
import { directorConfigSchema } from './config/schema.ts';

/** The config file as the director uses it: complete, with absolute paths, in camelCase. */
export type DirectorConfig = Omit<CamelKeys<Static<typeof directorConfigSchema>>, 'stateDirectory'> & {
  readonly stateDirectory: string;
};

type Env = Readonly<Record<string, string | undefined>>;

/** A config is small; a log file given by mistake shall not be read into memory. */
const fileBytesMax = 4 * 1024 * 1024;

/**
 * @param path the file; undefined: `$GANTRY_CONFIG`, else `director.yml` in the default state directory if it is there,
 *   else the defaults alone
 * @throws InvalidInput `config-file-invalid` with every fault; OperatorError `config-file-unreadable`
 */
export function loadConfig(path: string | undefined, env: Env): DirectorConfig {
  const home = resolve(expandHome(env['GANTRY_HOME'] ?? '~/.gantry'));
  const named = path ?? env['GANTRY_CONFIG'];
  const file = resolve(expandHome(named ?? join(home, 'director.yml')));
  const text = readText(file, named !== undefined);
  const faults: Fault[] = [];
  const document = text === undefined ? undefined : readYaml(text, file);
  const read = readSection(directorConfigSchema as Schema, document?.value, '', {
    resolvePath: expandHome, // the rest below: what it is relative to depends on the state directory
    env,
    faults,
  }) as DirectorConfig; // what the schema describes, once there are no faults
  if (faults.length === 0) faults.push(...faultsOfWhole(read));
  if (faults.length > 0) {
    throw new InvalidInput(
      file,
      faults.map((fault) => withLine(fault, document?.lineOf.bind(document))),
      {
        code: 'config-file-invalid',
        hint: 'docs/operators/configuration.md tells every key.',
      },
    );
  }
  return resolvePaths(withTeams(read), { base: dirname(file), stateDirectory: home });
}

function readText(file: string, mustExist: boolean): string | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > fileBytesMax) throw new Error(`it has ${bytes.length} bytes`);
    return bytes.toString('utf8');
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    if (absent && !mustExist) return undefined;
    const why = absent ? 'there is no such file' : thrown instanceof Error ? thrown.message : String(thrown);
    throw new OperatorError(`The config file ${file} can't be read: ${why}`, {
      code: 'config-file-unreadable',
      hint: 'Give the path of the config file, or leave it out to start with the defaults.',
      cause: thrown,
    });
  }
}

/** What no single key shows. */
function faultsOfWhole(config: DirectorConfig): Fault[] {
  const { listen, bus, health } = config;
  const faults = faultsOfPeople(config);
  if ((listen.certificate === undefined) !== (listen.privateKey === undefined)) {
    faults.push({ path: 'listen', message: 'certificate and private_key belong together' });
  }
  if (bus.kind === 'nats') {
    if (bus.urls.length === 0) faults.push({ path: 'bus.urls', message: 'must name a nats-server: nats://host:4222' });
    if ((bus.permissionsFile === undefined) !== (bus.reloadPidFile === undefined)) {
      faults.push({ path: 'bus', message: 'permissions_file and reload_pid_file belong together' });
    }
  }
  health.notifiers.forEach((notifier, index) => {
    if (notifier.kind !== 'email') return;
    const fault = (key: string, message: string) => faults.push({ path: `health.notifiers.${index}.${key}`, message });
    if (notifier.recipients.length === 0) fault('recipients', 'must name somebody');
    if ((notifier.user === undefined) !== (notifier.password === undefined)) {
      fault('user', 'user and password belong together');
    } else if (notifier.user !== undefined && notifier.tls === 'none') {
      fault('tls', 'must not be none: anybody on the way could read the password');
    }
  });
  return faults;
}

/** Files that the director makes live in the state directory; files that the operator names, beside the config. */
function resolvePaths(read: DirectorConfig, { base, stateDirectory: home }: { base: string; stateDirectory: string }) {
  const from = (dir: string, path: string) => (isAbsolute(path) ? path : join(dir, path));
  const stateDirectory = read.stateDirectory === undefined ? home : from(base, read.stateDirectory);
  const { listen, database, bus, cpi, blobstore, agent, health, log } = read;
  const beside = <T extends object, K extends keyof T>(of: T, ...keys: K[]): T => {
    const changed = keys.flatMap((key) => {
      const path = of[key];
      return typeof path === 'string' ? [[key, from(base, path)]] : [];
    });
    return { ...of, ...Object.fromEntries(changed) };
  };
  return {
    ...read,
    stateDirectory,
    listen: beside(listen, 'certificate', 'privateKey'),
    database:
      database.kind === 'sqlite'
        ? { ...database, file: from(stateDirectory, database.file) }
        : beside(database, 'caCertificate'),
    bus: bus.kind === 'nats' ? beside(bus, 'caCertificate', 'caPrivateKey', 'permissionsFile', 'reloadPidFile') : bus,
    cpi: cpi.kind === 'executable' ? beside(cpi, 'path') : cpi,
    blobstore: { ...blobstore, directory: from(stateDirectory, blobstore.directory) },
    agent: beside(agent, 'trustedCertificates'),
    health: {
      ...health,
      notifiers: health.notifiers.map((one) => ('caCertificate' in one ? beside(one, 'caCertificate') : one)),
    },
    log: beside(log, 'file'),
    audit: { ...beside(read.audit, 'file'), accessFile: from(stateDirectory, read.audit.accessFile) },
  };
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

function withLine(fault: Fault, lineOf: ((path: (string | number)[]) => number | undefined) | undefined): Fault {
  const path = fault.path === '' ? [] : fault.path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  const line = lineOf?.(path);
  return line === undefined ? fault : { ...fault, line };
}
