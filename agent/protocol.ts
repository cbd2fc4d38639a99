/**
 * What passes between the director and an agent: BOSH's agent protocol, version 3, as JSON over the bus.
 * The only file of agent/ that the director imports.
 * Source: cloudfoundry/bosh-agent agent/action, bosh's agent_client and nats_rpc.
 *
 * Terminology
 *   subject    where a message is sent: `agent.<agent id>` to an agent, `director.<inbox>.<agent id>.<request id>` back
 *   action     a method of the agent; a *long* action answers at once with an agent task, asked for by `get_task`
 *   spec       what an instance shall run ("apply spec"): the wanted state in full
 */
export const protocolVersion = 3;

/** Most bytes of one message, either way (nats-server's max_payload in BOSH). */
export const messageBytesMax = 1_048_576;

export const heartbeatEveryMs = 30_000;

export const subjects = {
  agent: (agentId: string) => `agent.${agentId}`,
  reply: (inbox: string, agentId: string, requestId: string) => `director.${inbox}.${agentId}.${requestId}`,
  replies: (inbox: string) => `director.${inbox}.>`,
  heartbeat: (agentId: string) => `hm.agent.heartbeat.${agentId}`,
  alert: (agentId: string) => `hm.agent.alert.${agentId}`,
  shutdown: (agentId: string) => `hm.agent.shutdown.${agentId}`,
  directorAlert: 'hm.director.alert',
} as const;

export interface Request {
  protocol: number;
  method: string;
  arguments: unknown[];
  reply_to: string;
}

export type Response = { value: unknown } | { exception: AgentException };

export interface AgentException {
  message: string;
  backtrace?: string;
  /** Where the whole of a long output was stored. */
  blobstore_id?: string;
}

/** The answer to a long action, and to `get_task` while it runs. A finished task's value comes bare. */
export interface AgentTask {
  agent_task_id: string;
  state: 'running';
}

export function isAgentTask(value: unknown): value is AgentTask {
  return (
    typeof value === 'object' &&
    value !== null &&
    'agent_task_id' in value &&
    'state' in value &&
    value.state === 'running'
  );
}

/**
 * The methods: arguments, result, and whether they are long. An agent that lacks one answers an exception whose
 * message contains `unknown message <method>`.
 */
export interface AgentMethods {
  ping: { arguments: []; result: 'pong' };
  info: { arguments: []; result: { api_version: number } };
  get_task: { arguments: [agentTaskId: string]; result: unknown };
  cancel_task: { arguments: [agentTaskId: string]; result: string };
  get_state: { arguments: [] | ['full']; result: AgentState };
  prepare: { arguments: [spec: ApplySpec]; result: 'prepared' };
  apply: { arguments: [spec: ApplySpec]; result: 'applied' };
  start: { arguments: []; result: string };
  stop: { arguments: []; result: string };
  drain: { arguments: ['update' | 'shutdown', ApplySpec] | ['status']; result: number };
  run_script: { arguments: [name: string, options: { env?: Record<string, string> }]; result: Record<string, string> };
  run_errand: { arguments: [] | [job: string]; result: ErrandResult };
  compile_package: {
    arguments: [
      blobId: string,
      digest: string,
      name: string,
      version: string,
      dependencies: Record<string, PackageRef>,
    ];
    result: { result: { sha1: string; blobstore_id: string; compile_log_id?: string } };
  };
  fetch_logs: { arguments: [type: string, filters: string[] | null]; result: { blobstore_id: string; sha1: string } };
  list_disk: { arguments: []; result: string[] };
  mount_disk: { arguments: [diskCid: string]; result: unknown };
  unmount_disk: { arguments: [diskCid: string]; result: unknown };
  migrate_disk: { arguments: [fromCid: string, toCid: string]; result: unknown };
  add_persistent_disk: { arguments: [diskCid: string, hint: DiskHint]; result: unknown };
  remove_persistent_disk: { arguments: [diskCid: string]; result: unknown };
  ssh: {
    arguments: ['setup', { user: string; public_key: string }] | ['cleanup', { user_regex: string }];
    result: SshResult;
  };
  upload_blob: { arguments: [{ blob_id: string; checksum: string; payload: string }]; result: string };
  update_settings: { arguments: [UpdateSettings]; result: string };
  sync_dns: { arguments: [blobId: string, digest: string, version: number]; result: 'synced' };
  delete_arp_entries: { arguments: [{ ips: string[] }]; result: unknown };
  shutdown: { arguments: []; result: unknown };
}

export type AgentMethod = keyof AgentMethods;

/** These answer at once with an AgentTask. */
export const longMethods: ReadonlySet<AgentMethod> = new Set<AgentMethod>([
  'prepare',
  'apply',
  'stop',
  'drain',
  'run_script',
  'run_errand',
  'compile_package',
  'fetch_logs',
  'list_disk',
  'mount_disk',
  'unmount_disk',
  'migrate_disk',
  'add_persistent_disk',
  'remove_persistent_disk',
  'upload_blob',
  'update_settings',
]);

export interface PackageRef {
  name: string;
  /** `<package version>.<build>`. */
  version: string;
  /** A multi-digest. */
  sha1: string;
  blobstore_id: string;
}

/** What an instance shall run. A partial one (no `configuration_hash`) is only stored. */
export interface ApplySpec {
  deployment: string;
  job?: JobSpec;
  index: number;
  name?: string;
  id: string;
  az?: string | null;
  networks: Record<string, NetworkSettings>;
  packages?: Record<string, PackageRef>;
  dns_domain_name?: string;
  configuration_hash?: string;
  /** MiB; 0: none. */
  persistent_disk?: number;
  template_hashes?: Record<string, string>;
  /** A tgz with one folder per job, each with `monit` and its rendered templates. */
  rendered_templates_archive?: { blobstore_id: string; sha1: string };
  properties?: Record<string, unknown>;
  [key: string]: unknown;
}

export interface JobSpec {
  /** The instance group's name. */
  name: string;
  release?: string;
  /** The first job's name; the same for its version. */
  template?: string;
  version?: string;
  sha1?: string;
  blobstore_id?: string;
  templates: Array<{ name: string; version: string; sha1?: string; blobstore_id?: string }>;
}

export type JobState = 'running' | 'failing' | 'starting' | 'stopped' | 'unknown';

/** The applied spec, and how things are. `vitals` and `processes` only in the full form. */
export interface AgentState extends Partial<ApplySpec> {
  agent_id: string;
  job_state: JobState;
  vm: { name: string };
  vitals?: Vitals;
  processes?: ProcessState[];
}

/** Percentages and kilobytes are text on this wire. */
export interface Vitals {
  cpu?: { sys?: string; user?: string; wait?: string };
  disk?: Partial<Record<'system' | 'ephemeral' | 'persistent', { percent: string; inode_percent: string }>>;
  load?: string[];
  mem?: { kb: string; percent: string };
  swap?: { kb: string; percent: string };
  uptime?: { secs: number };
}

export interface ProcessState {
  name: string;
  state: string;
  uptime?: { secs: number };
  mem?: { kb: number; percent: number };
  cpu?: { total: number };
}

export interface Heartbeat {
  deployment: string;
  job: string | null;
  index: number | null;
  job_state: JobState;
  vitals: Vitals;
  node_id: string;
  number_of_processes: number | null;
}

export interface AgentAlert {
  id: string;
  /** 1 alert, 2 critical, 3 error, 4 warning. */
  severity: number;
  title: string;
  summary: string;
  created_at: number;
}

export interface ErrandResult {
  stdout: string;
  stderr: string;
  exit_code: number;
}

export interface SshResult {
  command: 'setup' | 'cleanup';
  status: 'success';
  ip?: string;
  host_public_key?: string;
}

export interface UpdateSettings {
  trusted_certs?: string;
  disk_associations?: Array<{ name: string; cid: string }>;
  blobstores?: unknown[];
  mbus?: { cert: { ca: string; certificate: string; private_key: string } };
}

/** settings.json, as a CPI gives it to the agent of a VM. */
export interface AgentSettings {
  agent_id: string;
  vm: { name: string };
  networks: Record<string, NetworkSettings>;
  disks: { system?: string; ephemeral?: string; persistent?: Record<string, DiskHint> };
  env: { bosh?: Record<string, unknown>; [key: string]: unknown };
  blobstore: BlobstoreSettings;
  /** `nats://<host>:<port>`; the credentials are in `env.bosh.mbus.cert`. */
  mbus: string;
  ntp: string[];
}

/** `local`: `{ blobstore_path }`. `dav`: `{ endpoint, user, password, tls }`. */
export interface BlobstoreSettings {
  provider: string;
  options: Record<string, unknown>;
}

/** A path or a structure that tells the agent where a persistent disk is. The CPI made it. */
export type DiskHint = string | Record<string, unknown>;

/** One network of a VM, with BOSH's keys. */
export interface NetworkSettings {
  type: string;
  ip?: string;
  netmask?: string;
  prefix?: string;
  gateway?: string;
  dns?: string[];
  default?: string[];
  cloud_properties?: Record<string, unknown>;
  [key: string]: unknown;
}
