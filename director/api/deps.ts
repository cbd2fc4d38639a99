import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { TaskId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import type { Permissions } from '../auth/permissions.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { ConfigServer } from '../credentials/config-server.ts';
import type { Store } from '../store/store.ts';
import type { NewTask, Task } from '../store/tasks.ts';
import type { CertificateExpiry } from './contract/operations.ts';
import type { InstanceWatch } from '../explain/facts.ts';
import type { Requires } from './http/request.ts';

/** What the API asks of the task engine. */
export interface TaskQueue {
  enqueue(task: NewTask): Promise<Task>;
  /** False: the task is neither waiting nor running. */
  cancel(id: TaskId): Promise<boolean>;
}

/** What `/info` tells of the director. */
export interface DirectorIdentity {
  name: string;
  uuid: string;
  version: string;
  /** Eight hex digits. */
  revision: string;
  cpi: string;
  stemcellOs: string;
  stemcellVersion: string;
  localDns: { enabled: boolean; domain: string };
  snapshots: boolean;
  configServer: { enabled: boolean; urls: readonly string[] };
  /** False: nothing is kept for `bosh events`. */
  recordEvents: boolean;
}

export interface ApiLimits {
  /** Of one upload. */
  uploadBytesMax: number;
  /** What an upload must leave free in the state directory. */
  freeBytesMin: number;
  /** Of one whole request, slow uploads included. */
  requestMsMax: number;
  /** Without a byte passing either way. */
  idleMsMax: number;
}

/** A CPI that is configured, with its former names. */
export interface CpiNames {
  /** Empty: the director's only one. */
  name: string;
  aliases: readonly string[];
}

/** What every router is given. */
export interface ApiDeps {
  store: Store;
  blobs: Blobstore;
  tasks: TaskQueue;
  permissions: Permissions;
  requires: Requires;
  director: DirectorIdentity;
  clock: Clock;
  chance: Chance;
  log: Log;
  limits: ApiLimits;
  /** Uploads wait here for their task. */
  spoolDir: string;
  cpiNames: () => Promise<readonly CpiNames[]>;
  watch: InstanceWatch;
  configServer: ConfigServer;
  certificates: () => Promise<readonly CertificateExpiry[]>;
}
