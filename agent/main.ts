import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { systemChance } from '../common/chance.ts';
import { systemClock } from '../common/clock.ts';
import { messageOf, OperatorError } from '../common/errors.ts';
import { createLog, type LogLevel } from '../common/log.ts';
import { Agent } from './agent.ts';
import { NatsTransport } from './nats-transport.ts';
import { linuxPlatform } from './platform/linux/linux-platform.ts';
import type { Formatting } from './platform/linux/partition.ts';
import { parseSettings } from './settings.ts';
import { SettingsStore } from './settings-store.ts';
import { textAt, textsAt } from './shape.ts';

/**
 * The agent as a program:
 *
 *   gantry-agent --settings FILE [--base-dir /var/vcap] [--machine vm|process] [--extra-path DIR[:DIR...]]
 *                [--log-level debug|info|warn|error] [--log-file FILE]
 *
 * It is not an init: daemons of jobs outlive their start programs and become children of process 1, which has to wait
 * for them, and Node cannot. Where a machine has no init (a pid namespace of its own), let a shell be process 1; it
 * reaps whatever ends, passes SIGTERM on, and ends with the agent:
 *
 *   sh -c 'node agent.mjs "$@" & agent=$!; trap "kill -TERM $agent" TERM INT
 *          while kill -0 $agent 2>/dev/null; do wait $agent; done' sh --settings FILE
 *
 * SIGTERM and SIGINT end it with 0; the jobs' processes run on, and a new agent takes them over.
 */
async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const log = createLog({ level: options.logLevel, to: options.logFile });
  if (process.pid === 1) {
    throw new OperatorError('the agent is process 1, and would leave ended processes unreaped', {
      code: 'agent-is-init',
      hint: 'Start it below an init, or below sh as the head of agent/main.ts shows.',
    });
  }
  const given = parseSettings(await readFile(options.settings, 'utf8'), options.settings);
  const platform = linuxPlatform({
    base: options.base,
    machine: options.machine,
    ownMounts: process.env['MACHINE_MOUNTS'] === 'own', // its first process has made them
    extraPath: [...options.extraPath, ...textsAt(given.env, 'bosh', 'agent', 'extra_path')],
    formatting: formattingOf(given.env),
    clock: systemClock,
    log,
  });
  await platform.prepare();
  const settings = await SettingsStore.open(given, platform.paths);
  const alive = setInterval(() => {}, 2 ** 30); // between two connections nothing else would keep us
  log.info('agent-starting', { agentId: settings.agentId, servers: settings.servers(), machine: options.machine });
  const transport = await NatsTransport.connect({
    servers: settings.servers(),
    certificate: settings.certificate(),
    clock: systemClock,
    chance: systemChance,
    log,
  });
  const agent = await Agent.start({
    settings,
    transport,
    platform,
    clock: systemClock,
    chance: systemChance,
    log,
    swapCertificate: (certificate) => transport.swapCertificate(certificate),
    halt: () => void systemClock.sleep(haltAfterMs).then(() => halt(options.machine)),
  });
  log.info('agent-started', { agentId: settings.agentId });
  const end = (signal: NodeJS.Signals) => {
    log.info('agent-ending', { signal });
    clearInterval(alive);
    void agent.close().finally(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

interface Options {
  settings: string;
  base: string;
  machine: 'vm' | 'process';
  extraPath: string[];
  logLevel: LogLevel;
  logFile: number | string;
}

function parseOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      settings: { type: 'string' },
      'base-dir': { type: 'string', default: '/var/vcap' },
      machine: { type: 'string', default: 'vm' },
      'extra-path': { type: 'string', default: '' },
      'log-level': { type: 'string', default: 'info' },
      'log-file': { type: 'string' },
    },
  });
  const { settings, machine, 'log-level': logLevel } = values;
  if (settings === undefined) throw usage('--settings FILE is missing');
  if (machine !== 'vm' && machine !== 'process') throw usage(`--machine ${machine}: it is vm or process`);
  if (!isLogLevel(logLevel)) throw usage(`--log-level ${logLevel}: it is debug, info, warn, error or silent`);
  return {
    settings,
    base: values['base-dir'],
    machine,
    extraPath: values['extra-path'].split(':').filter((folder) => folder !== ''),
    logLevel,
    logFile: values['log-file'] ?? 2,
  };
}

function isLogLevel(text: string): text is LogLevel {
  return ['debug', 'info', 'warn', 'error', 'silent'].includes(text);
}

function usage(message: string): OperatorError {
  return new OperatorError(message, { code: 'usage', hint: 'gantry-agent --settings FILE [--base-dir DIR] ...' });
}

function formattingOf(env: unknown): Formatting {
  const filesystem = textAt(env, 'persistent_disk_fs') ?? 'ext4';
  if (filesystem !== 'ext4' && filesystem !== 'xfs') {
    throw new OperatorError(`persistent_disk_fs "${filesystem}" is neither ext4 nor xfs`, { code: 'settings-invalid' });
  }
  return { filesystem, options: textsAt(env, 'persistent_disk_mount_options') };
}

/** A process machine ends with its agent: process 1 of its namespace sees to the rest. */
function halt(machine: Options['machine']): void {
  if (machine === 'process') process.exit(0);
  execFile('shutdown', ['-P', 'now'], (error) => {
    if (error !== null) process.exit(1);
  });
}

/** Long enough for the answer to leave. */
const haltAfterMs = 200;

main(process.argv.slice(2)).catch((thrown: unknown) => {
  const hint = thrown instanceof OperatorError && thrown.hint !== undefined ? `\n${thrown.hint}` : '';
  process.stderr.write(`gantry-agent: ${messageOf(thrown)}${hint}\n`);
  process.exit(1);
});
