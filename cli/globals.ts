import { readFile } from 'node:fs/promises';
import type { FlagSpec, Given } from './given.ts';
import { CliError } from './failure.ts';

/** Flags of every command, with the environment variables of the bosh CLI. */
export const globalFlags: readonly FlagSpec[] = [
  { name: 'version', short: 'v', text: 'Show CLI version' },
  { name: 'help', short: 'h', text: 'Show this help message' },
  { name: 'config', value: 'PATH', text: 'Config file path', env: 'BOSH_CONFIG', fallback: '~/.bosh/config' },
  { name: 'environment', short: 'e', value: 'NAME', text: 'Director environment name or URL', env: 'BOSH_ENVIRONMENT' },
  { name: 'ca-cert', value: 'CERT', text: 'Director CA certificate path or value', env: 'BOSH_CA_CERT' },
  { name: 'sha2', text: 'Use SHA256 checksums', env: 'BOSH_SHA2' },
  { name: 'parallel', value: 'N', text: 'The max number of parallel operations', fallback: '5' },
  { name: 'client', value: 'NAME', text: 'Override username or UAA client', env: 'BOSH_CLIENT' },
  {
    name: 'client-secret',
    value: 'SECRET',
    text: 'Override password or UAA client secret',
    env: 'BOSH_CLIENT_SECRET',
  },
  { name: 'deployment', short: 'd', value: 'NAME', text: 'Deployment name', env: 'BOSH_DEPLOYMENT' },
  { name: 'column', value: 'NAME', many: true, text: 'Show only this column; may be given many times' },
  { name: 'json', text: 'Output as JSON' },
  { name: 'tty', text: 'Force TTY-like output', env: 'BOSH_TTY' },
  { name: 'no-color', text: 'Toggle colorized output' },
  { name: 'non-interactive', short: 'n', text: "Don't ask for user input", env: 'BOSH_NON_INTERACTIVE' },
];

export interface Globals {
  readonly config: string;
  readonly environment: string;
  /** A path, or the certificate itself. */
  readonly caCert: string;
  readonly sha2: boolean;
  readonly parallel: number;
  readonly client: string;
  readonly clientSecret: string;
  readonly deployment: string;
  readonly columns: readonly string[];
  readonly json: boolean;
  readonly tty: boolean;
  readonly color: boolean;
  readonly interactive: boolean;
}

/** The most that anybody's machine has a use for. */
const parallelMax = 100;

/** @throws CliError for a value that makes no sense */
export function globalsOf(given: Given, env: NodeJS.ProcessEnv): Globals {
  const spec = (name: string) => globalFlags.find((flag) => flag.name === name);
  const text = (name: string) => {
    if (given.on(name)) return given.text(name);
    const { env: variable, fallback = '' } = spec(name) ?? {};
    return (variable === undefined ? undefined : env[variable]) || fallback;
  };
  const on = (name: string) => given.on(name) || isTrue(text(name));
  const parallel = Number(text('parallel'));
  if (!Number.isInteger(parallel) || parallel < 0 || parallel > parallelMax)
    throw new CliError(`invalid argument for flag \`--parallel' (expected a number up to ${parallelMax})`);
  return {
    config: text('config'),
    environment: text('environment'),
    caCert: text('ca-cert'),
    sha2: on('sha2'),
    parallel: Math.max(1, parallel),
    client: text('client'),
    clientSecret: text('client-secret'),
    deployment: text('deployment'),
    columns: given.list('column'),
    json: given.on('json'),
    tty: on('tty'),
    color: !given.on('no-color'),
    interactive: !on('non-interactive'),
  };
}

const isTrue = (text: string) => /^(1|t|true)$/i.test(text);

/** `--ca-cert` takes a path or the PEM itself. Empty: none was given. */
export async function caCertificate(pathOrPem: string): Promise<string> {
  if (pathOrPem === '') return '';
  const pem = pathOrPem.includes('-----BEGIN') ? pathOrPem : await caFile(pathOrPem);
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  const what = pem.includes('-----BEGIN') ? 'Not a certificate' : 'Missing PEM block';
  throw new CliError(
    'Validating Director connection config',
    new CliError(`Parsing certificate 1: ${what}\n--ca-cert, or BOSH_CA_CERT, takes a CA as PEM, or the path of one.`),
  );
}

async function caFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CliError(`Opening CA certificate file '${path}'`, error);
  }
}
