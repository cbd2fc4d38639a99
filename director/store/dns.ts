import type { AgentId, BlobId, InstanceId } from '../../common/ids.ts';

export type DnsGroupType = 'instance-group' | 'link';

export interface DnsGroup {
  type: DnsGroupType;
  name: string;
}

/** Numbers that short names are made of. They are never given twice. */
export interface DnsNumbers {
  azs: ReadonlyMap<string, number>;
  networks: ReadonlyMap<string, number>;
  groups: ReadonlyArray<DnsGroup & { deployment: string; number: number }>;
}

/** One address of an instance, and what its names are made of. */
export interface DnsRecord {
  network: string;
  deployment: string;
  group: string;
  az: string | null;
  ip: string;
  domain: string;
  agentId: AgentId | null;
  /** Names of the link groups that the instance is in. Sorted. */
  links: readonly string[];
}

export interface DnsRecordWithInstance extends DnsRecord {
  instanceId: InstanceId;
  /** The row's number, `num_id`. */
  number: number;
  index: number;
}

export interface DnsAlias {
  domain: string;
  groupId: number;
  healthFilter: string | null;
  initialHealthCheck: string | null;
  placeholderType: string | null;
}

/** One version of what machines are told. */
export interface DnsBlob {
  version: number;
  blobId: BlobId;
  digest: string;
  /** Of all changes, those that are in it. */
  changes: number;
  createdAtMs: number;
}

/**
 * INVARIANT: whoever changes a record or an alias raises the count of changes in the same transaction, deletions too:
 * a blob that has seen the count has seen the change. (BOSH leaves tombstones for that, and has to clean them up.)
 */
export interface Dns {
  numbers(): Promise<DnsNumbers>;
  /** Gives numbers to what has none yet. */
  number(what: {
    azs: Iterable<string>;
    networks: Iterable<string>;
    groups: readonly DnsGroup[];
    deployment: string;
  }): Promise<void>;

  /** Of one deployment, by instance. */
  records(deployment: string): Promise<Map<InstanceId, DnsRecord[]>>;
  recordsOf(instance: InstanceId): Promise<DnsRecord[]>;
  /** Exactly these, of these instances. Nothing differs: nothing is counted. */
  setRecords(changes: ReadonlyArray<{ instance: InstanceId; records: readonly DnsRecord[] }>): Promise<void>;
  /** Exactly these, of this deployment. */
  setAliases(deployment: string, aliases: readonly DnsAlias[]): Promise<void>;
  /** A page of all, by instance number and network. @returns `next`: after which number to go on; null: that was all */
  recordsAfter(number: number): Promise<{ records: DnsRecordWithInstance[]; next: number | null }>;
  allAliases(): Promise<DnsAlias[]>;

  changes(): Promise<number>;
  newestBlob(): Promise<DnsBlob | undefined>;
  /** A version for the blob that is about to be made. Growing, never given twice. */
  nextVersion(changes: number, nowMs: number): Promise<number>;
  blobMade(version: number, blob: { blobId: BlobId; digest: string }): Promise<void>;
  /** Oldest first; those that were never finished are not here. */
  blobs(): Promise<DnsBlob[]>;
  forgetBlobs(versions: readonly number[]): Promise<void>;

  /** Agents that serve an instance, compilation machines apart, and the version that each has; 0: none. */
  agents(): Promise<Array<{ agentId: AgentId; version: number }>>;
  /** Those that have it now. Older news change nothing. */
  agentsHave(version: number, agents: readonly AgentId[]): Promise<void>;
  forgetGoneAgents(): Promise<void>;
}
