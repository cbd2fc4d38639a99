import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { artifactTaskHandlers } from './artifacts/handlers.ts';
import { tidySpool } from './artifacts/spool.ts';
import { localBlobs } from './blobs/local.ts';
import { AgentClient } from './bus/agent-client.ts';
import { keptAuthority } from './bus/certificates/kept.ts';
import { pemFolder } from './bus/certificates/pem-folder.ts';
import { listenToHeartbeats } from './bus/heartbeats.ts';
import { loadConfig, type DirectorConfig } from './config.ts';
import { namedPem } from './config/named-file.ts';
import { compileForExport } from './deploy/compile-for-export.ts';
import { deleteInstanceVm } from './deploy/delete-instance-vm.ts';
import { adminPasswordFile } from './main/admin.ts';
import { assembleCore } from './main/core.ts';
import { openHealthMonitor, watchOf } from './main/open-health.ts';
import { openInfrastructure } from './main/infrastructure.ts';
import { openApi } from './main/open-api.ts';
import { openBus } from './main/open-bus.ts';
import { openRenderer } from './main/open-renderer.ts';
import { ownDirectory } from './main/own-directory.ts';
import { singleCpi } from './main/single-cpi.ts';
import { storeOptions } from './main/store-options.ts';
import { openMetrics } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve.ts';
import { listInstances } from './observe/list-instances.ts';
import { defaultJobs } from './schedule/default-jobs.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { openStore } from './store/open-store.ts';
import { lockStateDirectory } from './store/state-lock.ts';
import type { Store } from './store/store.ts';
import { openConfigServer } from './main/open-config-server.ts';
import { SchemaChecks } from './templates/schema/schema-checks.ts';
import { systemChance } from '../common/chance.ts';
import { systemClock } from '../common/clock.ts';
import type { OperatorError } from '../common/errors.ts';
import { createLog, type Log } from '../common/log.ts';
import { logText } from '../common/log-text.ts';
import { processMachinesPossible } from '../cpi/memory/namespace.ts';

export { hashPassword } from './auth/password.ts'; // for `gantry hash-password`: clients see of the director no more than this file

export interface StartOptions {
  log: Log;
  version: string;
  /** Eight hex digits of the commit that it was built from. */
  revision: string;
  /** How the agent is started on `process` machines: program and first arguments. */
  agentCommand: readonly string[];
}

/**
 * What `gantry director` and `gantry quickstart` start: a config file, and this program's own agent.
 * @param options `terminal`: somebody looks at standard error, where the log goes unless a file is given for it
 */
export async function startFromFile(
  path: string | undefined,
  { logFile, terminal = false }: { logFile?: string; terminal?: boolean } = {},
): Promise<RunningDirector> {
  const config = loadConfig(path, process.env);
  const to = logFile ?? config.log.file;
  return startDirector(config, {
    log: createLog({ level: config.log.level, ...(to !== undefined ? { to } : terminal ? { as: logText } : {}) }),
    version: process.env['GANTRY_VERSION'] ?? '0.0.0',
    revision: process.env['GANTRY_REVISION'] ?? '00000000',
    agentCommand: [process.execPath, fileURLToPath(new URL('./agent.js', import.meta.url))],
  });
}

/** Which machines this computer can run by itself; `reason`: why they cannot be real. */
export async function localMachines(): Promise<{ kind: 'process' | 'simulated'; reason: string | null }> {
  const probed = await processMachinesPossible();
  return probed.possible ? { kind: 'process', reason: null } : { kind: 'simulated', reason: probed.reason };
}

export interface RunningDirector {
  url: string;
  /** PEM: what clients check the API with. */
  caCertificate: string;
  /** `ca` and `adminPassword` are null where the config file names others, `log` where standard error takes it. */
  files: { ca: string | null; adminPassword: string | null; log: string | null };
  /** What runs the deployments' machines, for people. */
  infrastructure: string;
  /** Resolves when it cannot go on and has to be started anew; what it was doing goes on then. */
  broken: Promise<OperatorError>;
  /** Their names: their machines outlive the director. */
  deployments(): Promise<string[]>;
  /** How many wait or run. */
  tasksUnderWay(): Promise<number>;
  /** Tasks that run are given a moment to end; what is left goes on at the next start. */
  stop(): Promise<void>;
}

/** How long running tasks may go on once the director was told to stop. */
export const stopGraceMs = 5_000;

/**
 * Starts a director: everything that it stands on is opened in order and closed in reverse. The only file, with
 * main/, that names a concrete store, bus, CPI or renderer.
 */
export async function startDirector(config: DirectorConfig, options: StartOptions): Promise<RunningDirector> {
  const closers: Array<() => unknown> = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(config, options, closers, closeAll);
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
}

async function start(
  config: DirectorConfig,
  options: StartOptions,
  closers: Array<() => unknown>,
  closeAll: () => Promise<void>,
): Promise<RunningDirector> {
  const { log } = options;
  const [clock, chance] = [systemClock, systemChance];
  const { stateDirectory } = config;
  await ownDirectory('state_directory', stateDirectory);
  const lock = lockStateDirectory(stateDirectory, clock.now());
  closers.push(() => lock.release());

  if (config.database.kind === 'sqlite') await ownDirectory('database.file', dirname(config.database.file));
  let tellBroken: (error: OperatorError) => void = () => {};
  const broken = new Promise<OperatorError>((resolve) => (tellBroken = resolve));
  const store = await openStore(await storeOptions(config), { clock, log, broken: tellBroken });
  closers.push(() => store.close());
  const uuid = await directorUuid(store, () => chance.uuid());
  const configServer = await openConfigServer(config, { store, clock, chance });
  const pems = pemFolder(join(stateDirectory, 'certificates'));
  const keeping = { store: pems, clock, log };
  const authority = await keptAuthority({ name: 'ca', commonName: `${config.name} CA` }, keeping);
  // For BOSH_CA_CERT: the certificate without its key, which stays where only the director looks.
  await writeFile(join(stateDirectory, 'ca.pem'), authority.certificate);

  const { bus, embedded } = await openBus(config, { store, authority, pems, log });
  closers.push(() => bus.close());
  const heartbeats = listenToHeartbeats(await bus.connect('health-monitor'), { clock, log });
  closers.push(() => heartbeats.close());
  const agents = new AgentClient({ connection: await bus.connect('director'), clock, chance, log, heartbeats });
  closers.push(() => agents.close());

  await ownDirectory('blobstore.directory', config.blobstore.directory);
  const blobs = await localBlobs({ dir: config.blobstore.directory, chance });
  const infrastructure = await openInfrastructure(config, {
    bus,
    embedded,
    agentBlobstore: blobs.agentSettings(),
    directorUuid: uuid,
    clock,
    chance,
    log,
    agentCommand: options.agentCommand,
  });
  closers.push(() => infrastructure.close());
  const renderer = openRenderer(config, log);
  closers.push(() => renderer.close());
  const schemas = new SchemaChecks();
  closers.push(() => schemas.close());

  const cpis = singleCpi(infrastructure.cpi);
  const spoolDir = join(stateDirectory, 'spool');
  await mkdir(spoolDir, { recursive: true, mode: 0o700 });
  await tidySpool(spoolDir, store.tasks, { uploadsMayRun: false, nowMs: clock.now() });
  const artifactLimits = {
    downloadBytesMax: config.limits.uploadGib * 1024 ** 3,
    downloadMsMax: config.limits.downloadMinutes * 60_000,
  };
  const { engine, deploy } = assembleCore(
    { store, bus, agents, cpis, blobs, renderer, schemas, configServer, clock, chance, log },
    {
      dns: config.dns,
      problems: { fixesStateful: config.health.resurrector.fixStateful },
      settings: {
        directorName: config.name,
        directorUuid: uuid,
        agentWaitMs: config.agent.readyTimeoutSeconds * 1000,
        vmsAtOnceMax: 32,
        createVmTriesMax: 5,
        keepUnreachableVms: config.agent.keepUnreachableVms,
        agentEnv: {},
        snapshots: config.disks.snapshots,
        disksInPlace: { resize: config.disks.cpiResize, update: config.disks.cpiUpdate },
        trustedCerts:
          config.agent.trustedCertificates === undefined
            ? ''
            : await namedPem('agent.trusted_certificates', config.agent.trustedCertificates),
      },
      gateway:
        config.ssh.gatewayHost === undefined
          ? undefined
          : { host: config.ssh.gatewayHost, user: config.ssh.gatewayUser },
      engine: {
        owner: chance.uuid(),
        alone: config.database.kind === 'sqlite',
        recordEvents: config.events.record,
        workers: config.tasks.workers,
        keep: { tasksOfType: config.tasks.keep, events: config.events.keep },
      },
    },
    (deploy) => ({
      ...artifactTaskHandlers({
        blobs,
        cpis,
        spoolDir,
        clock,
        chance,
        limits: artifactLimits,
        compile: compileForExport(deploy),
        deleteInstanceVm: deleteInstanceVm(deploy),
      }),
      vms: listInstances({
        answersMsMax: config.limits.agentAnswersSeconds * 1000,
        agents: { getState: (agentId, limits) => deploy.agents.call(agentId, 'get_state', ['full'], limits) },
      }),
    }),
  );
  await engine.start();
  closers.push(() => engine.stop({ graceMs: stopGraceMs }));
  const scheduler = new Scheduler(
    { store, tasks: engine, clock, log },
    defaultJobs(config.schedule, { snapshots: config.disks.snapshots }),
  );
  closers.push(() => scheduler.stop());
  const health = await openHealthMonitor(config, { store, bus, heartbeats, tasks: engine, clock, chance, log });
  closers.push(() => health?.close());

  const telling = deploy.dns.keepTold();
  closers.push(() => telling.stop());

  const metrics = openMetrics({ store, health, clock, log });
  if (config.metrics.enabled) {
    const served = await serveMetrics({ metrics, health, clock }, config.metrics);
    closers.push(() => served.close());
    log.info('metrics-served', { address: config.metrics.address, port: served.port });
  }

  const api = await openApi(config, options, {
    observe: metrics.observeRequests,
    store,
    blobs,
    engine,
    authority,
    keeping,
    uuid,
    cpi: infrastructure.name,
    spoolDir,
    configServer,
    chance,
    watch: watchOf(health, heartbeats, config),
  });
  closers.push(() => api.close());
  const { url } = api;
  log.info('director-started', { url, uuid, infrastructure: infrastructure.name, cores: availableParallelism() });
  const files = {
    ca: config.listen.certificate === undefined ? join(stateDirectory, 'ca.pem') : null,
    adminPassword: config.users.length === 0 ? join(stateDirectory, adminPasswordFile) : null,
    log: config.log.file ?? null,
  };
  return {
    url,
    caCertificate: authority.certificate,
    files,
    infrastructure: infrastructure.name,
    broken,
    deployments: async () => (await store.deployments.list()).map(({ name }) => name),
    tasksUnderWay: async () => (await store.tasks.list({ states: ['queued', 'processing', 'cancelling'] })).length,
    stop: closeAll,
  };
}

async function directorUuid(store: Store, fresh: () => string): Promise<string> {
  const kept = await store.attribute('uuid');
  if (kept !== undefined) return kept;
  const uuid = fresh();
  await store.setAttribute('uuid', uuid);
  return uuid;
}
