import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { Cpi, CpiScope } from '../../cpi/cpi.ts';
import { ExecutableCpi } from '../../cpi/executable.ts';
import { timeLimitsMs, type WireMethod } from '../../cpi/executable/wire.ts';
import { loggedCpi } from '../../cpi/logged-cpi.ts';
import { blobsIo } from '../../agent/blobs/blobs-io.ts';
import { blobsFromSettings } from '../../agent/blobs/from-settings.ts';
import { OperatorError } from '../../common/errors.ts';
import { processMachinesPossible } from '../../cpi/memory/namespace.ts';
import type { MachineHost } from '../../cpi/memory/machine-host.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import { ProcessHost } from '../../cpi/memory/process-host.ts';
import type { EmbeddedBus } from '../bus/embedded-bus.ts';
import type { Bus } from '../bus/bus.ts';
import type { DirectorConfig } from '../config.ts';
import { SimulatedMachines } from './simulated-machines.ts';

export interface Infrastructure {
  /** The CPI as one task has it. */
  cpi: (scope: CpiScope) => Cpi;
  /** For `/info`. */
  name: string;
  close(): Promise<void>;
}

export interface InfrastructureDeps {
  bus: Bus;
  /** The bus inside of this process, if that is the one: simulated machines need no sockets then. */
  embedded: EmbeddedBus | null;
  agentBlobstore: { provider: string; options: Record<string, unknown> };
  directorUuid: string;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** How the agent is started on `process` machines: program and first arguments. */
  agentCommand: readonly string[];
}

/** The only place that knows which CPIs there are. */
export async function openInfrastructure(config: DirectorConfig, deps: InfrastructureDeps): Promise<Infrastructure> {
  const { cpi, stateDirectory } = config;
  if (cpi.kind === 'executable') {
    const { directorUuid, clock, chance, log } = deps;
    const program = ExecutableCpi.of({
      program: cpi.path,
      directorUuid,
      callsDirectory: callsDirectoryOf(stateDirectory, ''),
      clock,
      chance,
      log,
      atOnceMax: cpi.callsAtOnce,
      timeLimitsMs: timeLimits(cpi.timeoutSeconds * 1000),
    });
    return { cpi: (scope) => program.within(scope), name: cpi.name, close: () => Promise.resolve() };
  }
  const directory = join(stateDirectory, 'infrastructure');
  const machines =
    cpi.machines === 'process' ? await processMachines(directory, deps) : simulatedMachines(directory, deps);
  const memory = await MemoryCpi.open({
    clock: deps.clock,
    chance: deps.chance,
    log: deps.log,
    machines,
    directory,
    agent: { mbus: deps.bus.endpoint().mbus, blobstore: deps.agentBlobstore, ntp: [...config.agent.ntp] },
  });
  const { clock, chance } = deps;
  const within = ({ onOutput: write = () => {} }: CpiScope) =>
    loggedCpi(memory, { kind: 'memory-cpi', clock, chance, write });
  const close = async () => {
    await memory.close();
    if (machines instanceof SimulatedMachines) machines.close();
  };
  return { cpi: within, name: `memory (${cpi.machines} machines)`, close };
}

/**
 * Where the calls of one CPI are kept. Each has its own: a restarted director collects answers from where the CPI that
 * was asked left them. The prefix keeps a CPI that is called `own` apart from the director's, which has no name.
 */
export function callsDirectoryOf(stateDirectory: string, cpi: string): string {
  const safe = /^[\w-]{1,80}$/.test(cpi) ? cpi : createHash('sha256').update(cpi).digest('hex');
  return join(stateDirectory, 'cpi-calls', cpi === '' ? 'own' : `named-${safe}`);
}

/** Calls that work on the infrastructure may take as long as the operator allows, and no other longer than that. */
function timeLimits(longestMs: number): Record<WireMethod, number> {
  const working = (method: string) => timeLimitsMs[method as WireMethod] >= timeLimitsMs.delete_vm; // from its keys
  const limits = Object.entries(timeLimitsMs).map(([method, usualMs]) => [
    method,
    working(method) ? longestMs : Math.min(usualMs, longestMs),
  ]);
  return Object.fromEntries(limits) as Record<WireMethod, number>; // the same keys
}

/** What each process machine has for itself, so that what lies there on this computer is out of its sight. */
const hiddenFromMachines = ['/tmp', '/var/tmp', '/var/vcap'];

async function processMachines(directory: string, { clock, agentCommand }: InfrastructureDeps): Promise<MachineHost> {
  const hidden = hiddenFromMachines.find((place) => resolve(directory).startsWith(`${place}/`));
  if (hidden !== undefined) {
    throw new OperatorError(
      `process machines cannot see the state directory: ${directory} is in ${hidden}, of which each has its own`,
      {
        code: 'state-directory-hidden',
        hint: 'Put the state directory somewhere else, such as ~/.gantry.',
        details: { directory },
      },
    );
  }
  const probed = await processMachinesPossible();
  if (!probed.possible) {
    throw new OperatorError(`process machines are not possible here: ${probed.reason}`, {
      code: 'process-machines-impossible',
      hint: 'Use `cpi: {kind: memory, machines: simulated}`, or run the director where that is allowed.',
    });
  }
  return ProcessHost.open({
    directory: join(directory, 'machines'),
    privilege: probed.privilege,
    clock,
    // Jobs and packaging scripts of ours need Node, and the one that runs us is sure to be there.
    agentCommand: (settingsPath) => [
      ...agentCommand,
      '--machine',
      'process',
      '--extra-path',
      dirname(process.execPath),
      '--settings',
      settingsPath,
    ],
  });
}

function simulatedMachines(
  directory: string,
  { embedded, clock, chance, agentBlobstore }: InfrastructureDeps,
): SimulatedMachines {
  if (embedded === null) {
    throw new OperatorError('simulated machines live in the director and need its embedded bus', {
      code: 'simulated-machines-need-embedded-bus',
      hint: 'Use `bus: {kind: embedded}` with them, or machines that reach a nats-server.',
    });
  }
  return new SimulatedMachines({
    clock,
    chance,
    directory: join(directory, 'simulated'),
    connect: (agentId) => embedded.attach(agentId),
    blobs: blobsFromSettings(agentBlobstore, blobsIo(join(directory, 'fetched'), { clock, chance })),
  });
}
