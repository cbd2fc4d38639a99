import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { localMachines, startFromFile, type RunningDirector } from '../../director/main.ts';
import { shellWord } from '../shell-word.ts';
import { makeArtifacts, type QuickstartFiles } from './artifacts.ts';

export interface QuickstartOptions {
  /** Waits for Ctrl-C once all is shown; null: nobody is there to press it. */
  untilStopped: (() => Promise<void>) | null;
  /** The gantry program itself, to run its own commands with. */
  program: string;
  out: (line: string) => void;
  color: boolean;
}

/** How long a greeter may take to answer once its deploy has succeeded. */
const answerWaitMs = 10_000;

/**
 * A director with every default, a release, a stemcell, a deployment: each step by the command that an operator would
 * type, shown before it runs. Everything is in one directory, and gone at the end.
 */
export async function quickstart(options: QuickstartOptions): Promise<void> {
  const { out, color } = options;
  const home = await mkdtemp(
    join(await ensure(join(process.env['GANTRY_HOME'] ?? join(homedir(), '.gantry'))), 'quickstart-'),
  );
  const startedMs = performance.now();
  const machines = await localMachines();
  if (machines.reason !== null)
    out(pc.createColors(color).yellow(`Machines are simulated: ${machines.reason}. Nothing will really run on them.`));
  const config = join(home, 'director.yml');
  await writeFile(config, directorConfig(home, machines.kind));
  const director = await startFromFile(config, { logFile: join(home, 'director.log') });
  let deployed = false;
  try {
    out(`A director is up at ${director.url} after ${seconds(startedMs)}, with ${director.infrastructure}.`);
    const env = await environment(home, director);
    const gantry = (...args: string[]) => run(options, env, args);
    const files = await makeArtifacts(join(home, 'artifacts'), '1');
    deployed = true; // from here there may be something to take down
    await showDeploy(gantry, files);
    await gantry('-d', 'greeter', 'instances');
    if (machines.kind === 'process') out(await firstAnswer(home));
    out(`\nFrom nothing to running in ${seconds(startedMs)}.`);
    if (options.untilStopped !== null) {
      await showTheWay(options, env, home);
      await options.untilStopped();
    }
    await gantry('-n', '-d', 'greeter', 'delete-deployment');
    deployed = false;
  } finally {
    await director.stop();
    if (!deployed) out('\nAll of it is gone again.');
    if (deployed) out(`What was deployed is still there, and so is all that the director knows of it: ${home}`);
    else await rm(home, { recursive: true, force: true });
  }
}

async function ensure(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

async function showDeploy(
  gantry: (...args: string[]) => Promise<void>,
  { release, stemcell, cloudConfig, manifest }: QuickstartFiles,
): Promise<void> {
  await gantry('upload-release', release);
  await gantry('upload-stemcell', stemcell);
  await gantry('-n', 'update-cloud-config', cloudConfig);
  await gantry('-d', 'greeter', 'plan', manifest);
  await gantry('-n', '-d', 'greeter', 'deploy', manifest);
}

function directorConfig(home: string, machines: string): string {
  return [
    `state_directory: ${JSON.stringify(join(home, 'state'))}`,
    'listen: {port: 0, hostnames: [127.0.0.1, localhost]}',
    'bus: {kind: embedded, port: 0}',
    `cpi: {kind: memory, machines: ${machines}}`,
    '',
  ].join('\n');
}

async function environment(home: string, director: RunningDirector): Promise<Record<string, string>> {
  const ca = join(home, 'ca.pem');
  await writeFile(ca, director.caCertificate);
  const password = (await readFile(join(home, 'state', 'admin-password'), 'utf8')).trim();
  return { BOSH_ENVIRONMENT: director.url, BOSH_CLIENT: 'admin', BOSH_CLIENT_SECRET: password, BOSH_CA_CERT: ca };
}

async function run(
  { program, out, color }: QuickstartOptions,
  env: Record<string, string>,
  args: readonly string[],
): Promise<void> {
  out(pc.createColors(color).bold(`\n$ gantry ${args.join(' ')}`));
  const child = spawn(process.execPath, [program, '--tty', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code === 0) return;
  throw new OperatorError(`\`gantry ${args.join(' ')}\` ended with ${code ?? 'a signal'}`, {
    code: 'quickstart-step-failed',
    hint: 'What it printed tells why; the log of the director is beside its state.',
  });
}

/** The address where the deployed service answers, and what it says. */
async function firstAnswer(home: string): Promise<string> {
  const url = 'http://127.77.1.2:8080/';
  const deadlineMs = performance.now() + answerWaitMs;
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      return `\n$ curl ${url}\n${await answer.text()}`;
    } catch (thrown) {
      if (performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 200));
      else
        throw new OperatorError(`the greeter does not answer at ${url}: ${messageOf(thrown)}`, {
          code: 'quickstart-no-answer',
          hint: `Look at its log, below ${home}/state/infrastructure/machines/vms/*/vcap/sys/log.`,
        });
    }
  }
}

async function showTheWay(
  { out, program }: QuickstartOptions,
  env: Record<string, string>,
  home: string,
): Promise<void> {
  const bin = join(home, 'bin');
  await mkdir(bin);
  const command = [process.execPath, resolve(program)].map(shellWord).join(' ');
  await writeFile(join(bin, 'gantry'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  const file = join(home, 'env.sh');
  const lines = Object.entries(env).map(([name, value]) => `export ${name}=${shellWord(value)}\n`);
  await writeFile(file, `${lines.join('')}export PATH=${shellWord(bin)}:"$PATH"\n`, { mode: 0o600 });
  out(
    `\nPoint \`gantry\` or \`bosh\` at it, in another terminal:\n\n  . ${shellWord(file)}\n  gantry -d greeter instances --ps\n`,
  );
  out('Ctrl-C takes everything down again.');
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
