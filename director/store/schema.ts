import type { Generated } from 'kysely';

/**
 * The tables as the newest migration leaves them, alike in both databases: times are milliseconds, flags are 0 or 1,
 * JSON is text (as text it keeps its key order, which rendered specs need; nothing is ever searched inside of it).
 */
export interface Schema {
  attributes: { name: string; value: string };

  tasks: TaskTable;
  task_teams: { task_id: number; team: string };
  task_output: { task_id: number; stream: string; position: number; bytes: Buffer };
  locks: { name: string; task_id: number; until_ms: number };
  events: EventTable;

  configs: ConfigTable;
  deployments: DeploymentTable;
  deployment_releases: { deployment: string; name: string; version: string };
  deployment_stemcells: { deployment: string; name: string; version: string };
  past_deploys: PastDeployTable;

  releases: { id: Generated<number>; name: string };
  release_versions: ReleaseVersionTable;
  release_jobs: ReleaseJobTable;
  release_version_jobs: { release_version_id: number; job_id: number };
  packages: PackageTable;
  release_version_packages: { release_version_id: number; package_id: number };
  compiled_packages: CompiledPackageTable;

  stemcells: StemcellTable;
  stemcell_uploads: { name: string; version: string; cpi: string };

  instances: InstanceTable;
  vms: VmTable;
  disks: DiskTable;
  orphaned_disks: OrphanedDiskTable;
  orphaned_vms: OrphanedVmTable;
  snapshots: SnapshotTable;
  ip_addresses: IpAddressTable;

  problems: ProblemTable;
  errand_successes: { deployment: string; errand: string; state_hash: string };
  errand_starts: ErrandStartTable;
  log_bundles: { blob_id: string; created_at_ms: number };
  link_providers: LinkProviderTable;
  link_consumers: LinkConsumerTable;
  links: LinkTable;

  dns_azs: { id: Generated<number>; name: string };
  dns_networks: { id: Generated<number>; name: string };
  dns_groups: { id: Generated<number>; type: string; name: string; deployment: string };
  dns_records: DnsRecordTable;
  dns_aliases: DnsAliasTable;
  dns_changes: { count: number };
  dns_blobs: DnsBlobTable;
  dns_agent_versions: { agent_id: string; version: number };
  log_ins: LogInTable;
  refresh_tokens: { id: Generated<number>; hash: string; log_in: string; used_at_ms: number | null };
  credentials: { name: string };
  credential_versions: CredentialVersionTable;
  variable_sets: VariableSetTable;
  variables: { set_id: number; name: string; provider: string; version_id: string };
}

export interface CredentialVersionTable {
  number: Generated<number>;
  id: string;
  name: string;
  type: string;
  sealed: Buffer;
  key_id: string;
  metadata: string | null;
  transitional: number;
  signed_by: string | null;
  signer_version: string | null;
  expires_at_ms: number | null;
  created_at_ms: number;
}

export interface VariableSetTable {
  id: Generated<number>;
  deployment: string;
  task_id: number;
  created_at_ms: number;
  successful: number;
}

export interface TaskTable {
  id: Generated<number>;
  type: string;
  description: string;
  lane: string;
  args: string;
  username: string;
  deployment: string | null;
  context_id: string;
  teams: string;
  state: string;
  result: string | null;
  created_at_ms: number;
  started_at_ms: number | null;
  finished_at_ms: number | null;
  checkpoint_at_ms: number | null;
  attempts: number;
  lease_owner: string | null;
  lease_fence: number;
  lease_until_ms: number | null;
}

export interface LinkEndTable {
  id: Generated<number>;
  deployment: string;
  owner_type: string;
  group_name: string;
  owner: string;
  name: string;
  alias: string;
  type: string;
  /** Of the deploy that was recorded last. */
  current: number;
}

export interface LinkProviderTable extends LinkEndTable {
  shared: number;
  content: string | null;
}

export interface LinkConsumerTable extends LinkEndTable {
  optional: number;
}

export interface LinkTable {
  id: Generated<number>;
  provider_id: number | null;
  consumer_id: number;
  name: string;
  content: string;
  digest: string;
  current: number;
  created_at_ms: number;
}

export interface DnsRecordTable {
  instance_id: string;
  network: string;
  deployment: string;
  instance_group: string;
  az: string | null;
  ip: string;
  domain: string;
  agent_id: string | null;
  links: string;
}

export interface DnsAliasTable {
  deployment: string;
  position: number;
  domain: string;
  group_id: number;
  health_filter: string | null;
  initial_health_check: string | null;
  placeholder_type: string | null;
}

export interface DnsBlobTable {
  version: Generated<number>;
  blob_id: string | null;
  digest: string | null;
  changes: number;
  created_at_ms: number;
}

export interface EventTable {
  id: Generated<number>;
  parent_id: number | null;
  at_ms: number;
  username: string;
  action: string;
  object_type: string;
  object_name: string | null;
  error: string | null;
  task: string | null;
  deployment: string | null;
  instance: string | null;
  context: string;
}

export interface ConfigTable {
  id: Generated<number>;
  type: string;
  name: string;
  content: string;
  team: string | null;
  created_at_ms: number;
  deleted: number;
}

export interface DeploymentTable {
  id: Generated<number>;
  name: string;
  manifest: string | null;
  teams: string;
  cloud_config_ids: string;
  runtime_config_ids: string;
  created_at_ms: number;
}

export interface PastDeployTable {
  deployment: string;
  task_id: number;
  at_ms: number;
  username: string;
  /** Gzipped text. */
  manifest: Buffer;
  cloud_config_ids: string;
  runtime_config_ids: string;
  versions: string;
}

export interface ReleaseVersionTable {
  id: Generated<number>;
  release_id: number;
  version: string;
  commit_hash: string;
  uncommitted_changes: number;
  complete: number;
}

export interface ReleaseJobTable {
  id: Generated<number>;
  release_id: number;
  name: string;
  version: string;
  fingerprint: string;
  blob_id: string;
  digest: string;
  packages: string;
  spec: string;
}

export interface PackageTable {
  id: Generated<number>;
  release_id: number;
  name: string;
  version: string;
  fingerprint: string;
  blob_id: string | null;
  digest: string | null;
  dependencies: string;
}

export interface CompiledPackageTable {
  id: Generated<number>;
  package_id: number;
  stemcell_os: string;
  stemcell_version: string;
  dependency_key: string;
  /** The key itself can be longer than what PostgreSQL takes in an index. */
  dependency_key_sha256: string;
  build: number;
  blob_id: string;
  digest: string;
}

export interface StemcellTable {
  id: Generated<number>;
  name: string;
  version: string;
  operating_system: string;
  cid: string;
  cpi: string;
  api_version: number | null;
  digest: string | null;
}

export interface InstanceTable {
  number: Generated<number>;
  id: string;
  deployment: string;
  group_name: string;
  group_index: number;
  az: string | null;
  state: string;
  bootstrap: number;
  ignored: number;
  compilation: number;
  update_completed: number;
  spec: string | null;
  variable_set_id: number | null;
}

export interface VmTable {
  agent_id: string;
  cid: string | null;
  instance_id: string;
  state: string;
  active: number;
  cpi: string;
  stemcell: string;
  cloud_properties: string;
  networks: string;
  env: string;
  permanent_credentials: number;
  created_at_ms: number;
  problem: string | null;
  variable_set_id: number | null;
}

export interface DiskTable {
  key: string;
  cid: string | null;
  instance_id: string;
  state: string;
  active: number;
  size_mib: number;
  cloud_properties: string;
  name: string;
  cpi: string;
  variable_set_id: number | null;
}

export interface OrphanedDiskTable {
  cid: string;
  key: string;
  size_mib: number;
  az: string | null;
  deployment: string;
  instance: string;
  cloud_properties: string;
  cpi: string;
  orphaned_at_ms: number;
}

export interface SnapshotTable {
  key: string;
  cid: string | null;
  /** Of its disk, which keeps it when it is orphaned or gets another cid. */
  disk_key: string;
  cpi: string;
  clean: number;
  created_at_ms: number;
}

export interface OrphanedVmTable {
  agent_id: string;
  cid: string | null;
  cpi: string;
  api_version: number | null;
  az: string | null;
  deployment: string;
  instance: string;
  addresses: string;
  orphaned_at_ms: number;
}

export interface IpAddressTable {
  address: string;
  network: string;
  static: number;
  instance_id: string;
  task_id: number | null;
}

export interface ProblemTable {
  id: Generated<number>;
  deployment: string;
  type: string;
  resource: string;
  agent_id: string | null;
  data: string;
  state: string;
  created_at_ms: number;
}

export interface ErrandStartTable {
  task_id: number;
  instance_id: string;
  agent_id: string;
  agent_task_id: string | null;
  exit_code: number | null;
}

export interface LogInTable {
  id: string;
  username: string;
  source: string;
  client: string;
  scopes: string | null;
  created_at_ms: number;
  expires_at_ms: number;
}
