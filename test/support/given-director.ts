import { packArchive, textEntry } from '../../common/archive-pack.ts';
import { seededChance, type Chance } from '../../common/chance.ts';
import { systemClock, type Clock } from '../../common/clock.ts';
import { id, type DeploymentName, type StemcellCid } from '../../common/ids.ts';
import { silentLog } from '../../common/log.ts';
import type { Cpi, CpiScope } from '../../cpi/cpi.ts';
import { loggedCpi } from '../../cpi/logged-cpi.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import type { DeployOptions, StateChange, UpdateDeploymentArgs } from '../../director/api/deploy-args.ts';
import type { DeployDeps } from '../../director/deploy/deploy-deps.ts';
import type { DnsSettings } from '../../director/dns/local-dns.ts';
import type { DisksInPlace } from '../../director/plan/wanted.ts';
import type { Cpis } from '../../director/execute/cpis.ts';
import type { TaskHandler } from '../../director/tasks/task-context.ts';
import { AgentClient } from '../../director/bus/agent-client.ts';
import { freshKey, keyringOf } from '../../director/credentials/own/keyring.ts';
import { OwnConfigServer } from '../../director/credentials/own/own-config-server.ts';
import { openEmbeddedBus } from '../../director/bus/embedded-bus.ts';
import { CertificateAuthority } from '../../director/bus/certificates/authority.ts';
import { listenToHeartbeats } from '../../director/bus/heartbeats.ts';
import { assembleCore } from '../../director/main/core.ts';
import { SchemaChecks } from '../../director/templates/schema/schema-checks.ts';
import { SimulatedMachines } from '../../director/main/simulated-machines.ts';
import { singleCpi } from '../../director/main/single-cpi.ts';
import { openStore } from '../../director/store/open-store.ts';
import type { Task } from '../../director/store/tasks.ts';
import type { TaskEngine } from '../../director/tasks/engine.ts';
import { fetchingBlobs } from './fetching-blobs.ts';
import { MemoryBlobs } from './memory-blobs.ts';
import { plainRenderer } from './plain-renderer.ts';

export interface WorldOptions {
  clock?: Clock;
  seed?: number;
  /** Where machines fetch to every blob that they are told of; and blobs get old. There is real work in that. */
  fetchDir?: string;
}

export interface GivenDirectorOptions
  extends WorldOptions, Pick<GenerationOptions, 'otherHandlers' | 'dns' | 'disksInPlace' | 'snapshots'> {
  /** False: machines with a persistent disk are not repaired unasked. */
  fixesStateful?: boolean;
}

/** What outlives a director that is killed: its database and blobs, the bus, the infrastructure with its machines. */
export async function openWorld({ clock = systemClock, seed = 1, fetchDir }: WorldOptions = {}) {
  const chance = seededChance(seed);
  const keyring = keyringOf([freshKey()], 'memory');
  const log = silentLog;
  const store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log });
  const pems = new Map<string, string>();
  const pemStore = {
    load: (name: string) => Promise.resolve(pems.get(name)),
    save: (name: string, pem: string) => Promise.resolve(void pems.set(name, pem)),
  };
  const authority = new CertificateAuthority(CertificateAuthority.create('test', clock), clock);
  const bus = await openEmbeddedBus({ agents: [] }, { authority, clock, log, store: pemStore });
  const blobs = new MemoryBlobs(chance, fetchDir === undefined ? undefined : () => clock.now());
  const machines = new SimulatedMachines({
    clock,
    chance,
    directory: null,
    connect: (agentId) => bus.attach(agentId),
    blobs: fetchDir === undefined ? agentBlobs(chance) : fetchingBlobs(blobs, fetchDir),
    fetchesBlobs: fetchDir !== undefined,
  });
  const cpi = await MemoryCpi.open({
    clock,
    chance,
    machines,
    agent: { mbus: bus.endpoint().mbus, blobstore: blobs.agentSettings(), ntp: [] },
  });
  return { clock, chance, log, store, bus, blobs, machines, cpi, keyring };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Simulated agents compile without the director's blobs: what they make is never fetched. */
function agentBlobs(chance: Chance) {
  return {
    get: () => Promise.reject(new Error('simulated machines fetch nothing')),
    put: () => Promise.resolve({ blobId: chance.uuid(), multidigest: `sha256:${'a'.repeat(64)}` }),
  };
}

/** What a director is of the directors of its store. */
export interface GenerationOptions {
  /** No other director works on the store. */
  alone?: boolean;
  dns?: Partial<DnsSettings>;
  fixesStateful?: boolean;
  disksInPlace?: DisksInPlace;
  snapshots?: boolean;
  otherHandlers?: (deps: { deploy: DeployDeps; cpis: Cpis }) => Readonly<Record<string, TaskHandler>>;
}

/** What a director reaches of the world; a story may put something between. */
export type Reach = Pick<World, 'clock' | 'chance' | 'log' | 'store' | 'bus' | 'blobs' | 'keyring'> & { cpi: Cpi };

/** Ends by itself, so that whoever is killed leaves nothing. */
const schemas = new SchemaChecks();

/** One run of a director's program, from its start to its end or death. */
export async function startGeneration(
  reach: Reach,
  owner: string,
  {
    alone = true,
    dns = {},
    fixesStateful = true,
    disksInPlace = { resize: false, update: false },
    snapshots = false,
    otherHandlers = () => ({}),
  }: GenerationOptions = {},
) {
  const { clock, chance, log, store, bus, blobs, cpi, keyring } = reach;
  const configServer = new OwnConfigServer({ store, keyring, clock, chance });
  const heartbeats = listenToHeartbeats(await bus.connect('health-monitor'), { clock, log });
  const agents = new AgentClient({ connection: await bus.connect('director'), clock, chance, log, heartbeats });
  const cpiOf = ({ onOutput: write = () => {} }: CpiScope) =>
    loggedCpi(cpi, { kind: 'memory-cpi', clock, chance, write });
  const cpis = singleCpi(cpiOf);
  const { engine, deploy } = assembleCore(
    { store, bus, agents, cpis, blobs, renderer: plainRenderer, schemas, configServer, clock, chance, log },
    {
      dns: { enabled: true, domain: 'bosh', includeIndex: false, useDnsAddresses: false, ...dns },
      problems: { fixesStateful },
      settings: {
        directorName: 'test',
        directorUuid: 'uuid-of-test',
        agentWaitMs: 60_000,
        vmsAtOnceMax: 32,
        createVmTriesMax: 5,
        keepUnreachableVms: false,
        agentEnv: {},
        disksInPlace,
        snapshots,
        trustedCerts: '',
      },
      engine: { owner, alone, recordEvents: true },
    },
    (parts) => otherHandlers({ deploy: parts, cpis }),
  );
  await engine.start();
  return { engine, deploy, agents, heartbeats, configServer };
}

/** A director with everything in this process: simulated machines, SQLite in memory, no sockets. */
export async function givenDirector({
  otherHandlers,
  dns,
  fixesStateful = true,
  disksInPlace = { resize: false, update: false },
  snapshots = false,
  ...options
}: GivenDirectorOptions = {}) {
  const world = await openWorld(options);
  const { store, bus, blobs, machines, cpi } = world;
  const { engine, agents, heartbeats, configServer, deploy } = await startGeneration(world, 'only', {
    fixesStateful,
    disksInPlace,
    snapshots,
    ...(otherHandlers === undefined ? {} : { otherHandlers }),
    ...(dns === undefined ? {} : { dns }),
  });

  const director = {
    store,
    bus,
    heartbeats,
    cpi,
    machines,
    agents,
    engine,
    blobs,
    dns: deploy.dns,
    configServer,
    settings: { directorName: 'test' },
    upload: (release?: Parameters<typeof uploadRelease>[1]) => uploadRelease(world, release),
    uploadStemcell: (version?: string) => uploadStemcell(world, version),
    cloudConfig: (content: string) => uploadCloudConfig(world, content),
    enqueue: (manifestText: string, options?: Partial<DeployOptions>, stateChanges?: StateChange[]) =>
      enqueueDeploy(world, engine, manifestText, { options, stateChanges }),
    async deploy(manifestText: string, options: Partial<DeployOptions> = {}, stateChanges: StateChange[] = []) {
      return director.ended(await director.enqueue(manifestText, options, stateChanges));
    },
    async delete(name: string, force = false) {
      return director.ended(await enqueueDelete(engine, name, force));
    },
    async ended(task: Task) {
      await engine.idle();
      const ended = await store.tasks.get(task.id);
      if (ended === undefined) throw new Error('the task is gone');
      return {
        ...ended,
        events: await director.output(ended, 'event'),
        debug: await director.output(ended, 'debug'),
        cpi: await director.output(ended, 'cpi'),
        plan: await director.output(ended, 'result'),
      };
    },
    async output(task: Task, stream: 'event' | 'debug' | 'result' | 'cpi') {
      return (await store.tasks.output(task.id, stream, { from: 0, bytesMax: 10_000_000 }))?.bytes.toString() ?? '';
    },
    async close() {
      await engine.stop({ graceMs: 1000 });
      agents.close();
      heartbeats.close();
      await cpi.close();
      machines.close(); // their agents speak on the bus
      await bus.close();
      await store.close();
    },
  };
  return director;
}

export const cloudConfigOf = ({ range = '10.0.0.0/24', vmType = '{}' }: { range?: string; vmType?: string } = {}) => `
azs:
- {name: z1, cloud_properties: {zone: z1}}
- {name: z2, cloud_properties: {zone: z2}}
networks:
- name: default
  subnets:
  - {range: ${range}, gateway: ${range.replace(/\.0\/.*/, '.1')}, azs: [z1, z2], dns: [8.8.8.8]}
vm_types: [{name: small, cloud_properties: ${vmType}}]
disk_types: [{name: disk, disk_size: 1024}]
compilation: {workers: 2, network: default, az: z1, vm_type: small, reuse_compilation_vms: true}
`;

export const webTier = ({
  instances = 3,
  version = '1',
  stemcell = '1',
  disk = false,
  port = 80,
  name = 'web',
} = {}) => `
name: ${name}
releases: [{name: web, version: "${version}"}]
stemcells: [{alias: default, os: tiny-os, version: "${stemcell}"}]
update: {canaries: 1, max_in_flight: 2, canary_watch_time: 1-2, update_watch_time: 1-2}
instance_groups:
- name: web
  instances: ${instances}
  azs: [z1, z2]
  vm_type: small
  stemcell: default
${disk ? '  persistent_disk_type: disk\n' : ''}  networks: [{name: default}]
  jobs: [{name: web, release: web, properties: {port: ${port}}}]
`;

/** A release of one job and one package, and a stemcell, as if uploaded. */
export async function uploadRelease(
  { store, blobs }: World,
  {
    version = '1',
    template = 'port: <%= p("port") %>',
    propertiesSchema,
    packages = { app: [] },
  }: {
    version?: string;
    template?: string;
    propertiesSchema?: string;
    /** Names, with those that each depends on. The job needs all of them. */
    packages?: Record<string, string[]>;
  } = {},
) {
  const spec = {
    name: 'web',
    templates: { 'web.yml': 'config/web.yml' },
    packages: Object.keys(packages),
    properties: { port: { default: 80 } },
  };
  const job = await blobs.put(
    packArchive([
      textEntry('job.MF', JSON.stringify(spec)),
      textEntry('monit', ''),
      textEntry('templates/web.yml', template),
      ...(propertiesSchema === undefined ? [] : [textEntry('properties_schema.json', propertiesSchema)]),
    ]),
  );
  const source = await blobs.put(packArchive([textEntry('packaging', 'true')]));
  const release = await store.releases.begin({
    name: 'web',
    version,
    commitHash: 'abc',
    uncommittedChanges: false,
  });
  for (const [name, dependencies] of Object.entries(packages)) {
    await store.releases.addPackage(release.id, {
      name,
      version: `${name}-${version}`,
      fingerprint: `${name}-${version}`,
      blobId: source.blobId,
      digest: source.sha1,
      dependencies,
    });
  }
  await store.releases.addJob(release.id, {
    name: 'web',
    version: `job-${version}`,
    fingerprint: `job-${version}`,
    blobId: job.blobId,
    digest: job.sha1,
    packages: Object.keys(packages),
    spec,
  });
  await store.releases.complete(release.id);
}

export async function uploadStemcell({ cpi, store }: Pick<Reach, 'cpi' | 'store'>, version = '1') {
  const cid = await cpi.createStemcell('/dev/null', { name: 'tiny', version });
  await store.stemcells.save({
    name: 'tiny',
    version,
    operatingSystem: 'tiny-os',
    cid: id<StemcellCid>(cid),
    cpi: '',
    apiVersion: 2,
    digest: null,
  });
}

export async function uploadCloudConfig({ store, clock }: World, content: string) {
  await store.configs.create({ type: 'cloud', name: 'default', content, team: null }, clock.now());
}

export async function enqueueDeploy(
  { store, clock }: World,
  engine: Pick<TaskEngine, 'enqueue'>,
  manifestText: string,
  {
    options = {},
    stateChanges = [],
  }: { options?: Partial<DeployOptions> | undefined; stateChanges?: StateChange[] | undefined } = {},
): Promise<Task> {
  const name = /^name: (\S+)/m.exec(manifestText)?.[1] ?? 'web';
  const existing = await store.deployments.get(name);
  await store.deployments.create(id<DeploymentName>(name), [], clock.now());
  const args: UpdateDeploymentArgs = {
    deployment: name,
    manifestText,
    options: {
      dryRun: false,
      recreate: false,
      recreatePersistentDisks: false,
      recreateVmsCreatedBefore: null,
      fix: false,
      skipDrain: null,
      canaries: null,
      maxInFlight: null,
      forceLatestVariables: false,
      scopes: [],
      ...options,
    },
    cloudConfigIds: (await store.configs.currentOf('cloud', 'all')).map((config) => config.id),
    runtimeConfigIds: (await store.configs.currentOf('runtime', 'all')).map((config) => config.id),
    new: existing === undefined,
    stateChanges,
  };
  return engine.enqueue({
    type: 'update_deployment',
    description: 'create deployment',
    lane: 'normal',
    args,
    user: 'admin',
    deployment: id(name),
    contextId: '',
    teams: [],
  });
}

export function enqueueDelete(engine: Pick<TaskEngine, 'enqueue'>, name: string, force = false): Promise<Task> {
  return engine.enqueue({
    type: 'delete_deployment',
    description: `delete deployment ${name}`,
    lane: 'normal',
    args: { deployment: name, force, keepSnapshots: false },
    user: 'admin',
    deployment: id(name),
    contextId: '',
    teams: [],
  });
}
