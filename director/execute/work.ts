import { instanceLabel } from '../plan/actual.ts';
import type { NetworkSettings } from '../../agent/protocol.ts';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Agents } from '../bus/agents.ts';
import type { Bus } from '../bus/bus.ts';
import type { LocalDns } from '../dns/local-dns.ts';
import type { InstanceSpec } from '../plan/instance-spec.ts';
import { noVariables, type Variables } from '../plan/variable-values.ts';
import type { DisksInPlace, WantedStemcell } from '../plan/wanted.ts';
import type { Instance } from '../store/instances.ts';
import type { StageProgress, TaskContext } from '../tasks/task-context.ts';
import type { Cpis } from './cpis.ts';

/** What executing needs of the rest of the director. */
export interface ExecuteDeps {
  agents: Agents;
  bus: Bus;
  cpis: Cpis;
  blobs: Blobstore;
  dns: LocalDns;
  clock: Clock;
  chance: Chance;
  settings: ExecuteSettings;
}

export interface ExecuteSettings {
  directorName: string;
  directorUuid: string;
  /** How long a new VM's agent may take to answer. BOSH: 600 s. */
  agentWaitMs: number;
  /** Most VMs that are created at once. BOSH: 32. */
  vmsAtOnceMax: number;
  /** How often a VM is asked for when the CPI says that another try may help. BOSH: 5. */
  createVmTriesMax: number;
  /** Leave a VM whose agent never answered, to look inside. */
  keepUnreachableVms: boolean;
  /** Part of every VM's `env.bosh`. */
  agentEnv: YamlMap;
  disksInPlace: DisksInPlace;
  /** Whether any are taken. */
  snapshots: boolean;
  /** PEM certificates that every VM shall trust. */
  trustedCerts: string;
}

/** A machine as the CPI is asked for it. */
export interface MachineShape {
  cpi: string;
  stemcell: WantedStemcell;
  cloudProperties: YamlMap;
  networks: Readonly<Record<string, NetworkSettings>>;
  env: YamlMap;
  tags: Readonly<Record<string, string>>;
}

/** One instance while it is worked on. Effects keep `instance` in step with the store. */
export interface InstanceWork {
  instance: Instance;
  /** `web/3f2…`, for messages. */
  label: string;
  /** Null: only to be deleted. */
  machine: MachineShape | null;
  /** What placeholders stand for, in the machine, its disks and what they were made with. */
  variables: Variables;
  /** Null: a machine without jobs, or one that is only deleted. */
  jobs: JobsWork | null;
  canary: boolean;
  progress: StageProgress;
  /** Go on past agents and infrastructures that fail, and tell of it: `--force`. */
  forced?: boolean;
}

/** With neither machine nor jobs: enough to delete it, and where others begin who add to it. */
export function bareWork(instance: Instance): InstanceWork {
  return {
    instance,
    label: instanceLabel(instance),
    machine: null,
    variables: noVariables,
    jobs: null,
    canary: false,
    progress: { advance: () => {} },
  };
}

export interface JobsWork {
  /** Filled in with the archive once it is uploaded. */
  spec: InstanceSpec;
  /** Uploads the rendered templates, once; returns the spec that names them. */
  withArchive(): Promise<InstanceSpec>;
  /** Names of the link groups that the instance is in, as DNS knows them; null: as they are on record. */
  linkGroups: readonly string[] | null;
  /** Renders anew with addresses that only the infrastructure knew. */
  learnNetworks(known: Readonly<Record<string, NetworkSettings>>): Promise<void>;
}

/** What one effect gets: the instance, the task it belongs to, and the world. */
export interface StepIo extends ExecuteDeps {
  work: InstanceWork;
  task: TaskContext;
}
