import type { BlobId } from '../../common/ids.ts';
import type { Configs } from './configs.ts';
import type { Credentials } from './credentials.ts';
import type { Deployments } from './deployments.ts';
import type { Errands } from './errands.ts';
import type { Dns } from './dns.ts';
import type { Events } from './events.ts';
import type { Instances } from './instances.ts';
import type { Lease } from './lease.ts';
import type { Links } from './links.ts';
import type { Locks } from './locks.ts';
import type { Problems } from './problems.ts';
import type { LogBundles } from './log-bundles.ts';
import type { LogIns } from './log-ins.ts';
import type { Releases } from './releases.ts';
import type { Snapshots } from './snapshots.ts';
import type { Stemcells } from './stemcells.ts';
import type { Tasks } from './tasks.ts';
import type { VariableSets } from './variable-sets.ts';

/**
 * All that the director knows, in SQLite or PostgreSQL. Rows become domain values here and nowhere else.
 *
 * INVARIANTS
 * - A write that belongs to a task goes through a store that is fenced by the task's lease: a worker that lost
 *   its lease cannot write.
 * - What a call outside will make (a VM, a disk) is recorded before the call, under the name that we chose.
 * - No method runs a query per row.
 */
export interface Store {
  readonly tasks: Tasks;
  readonly locks: Locks;
  readonly configs: Configs;
  readonly releases: Releases;
  readonly stemcells: Stemcells;
  readonly deployments: Deployments;
  readonly instances: Instances;
  readonly events: Events;
  readonly problems: Problems;
  readonly snapshots: Snapshots;
  readonly errands: Errands;
  readonly logBundles: LogBundles;
  readonly links: Links;
  readonly dns: Dns;
  readonly logIns: LogIns;
  readonly credentials: Credentials;
  readonly variableSets: VariableSets;

  /** Small facts about the director itself, such as its UUID. */
  attribute(name: string): Promise<string | undefined>;
  /** True for one caller only, for each moment of a scheduled job; never for one that lies before another. */
  claimOccurrence(job: string, atMs: number): Promise<boolean>;
  setAttribute(name: string, value: string): Promise<void>;

  /** Every blob that some row refers to; what is in the blobstore and not here is litter. */
  referencedBlobs(): AsyncIterable<BlobId>;

  /** All of it or nothing. Nested calls join the outer one. */
  atomically<T>(work: (store: Store) => Promise<T>): Promise<T>;

  /** The same store; every write checks, in its own transaction, that the lease still holds. @throws LeaseLost */
  fencedBy(lease: Lease): Store;

  close(): Promise<void>;
}
