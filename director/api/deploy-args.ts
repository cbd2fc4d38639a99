import type { ChosenVersions } from '../store/deployments.ts';
import type { InstanceState } from '../store/instances.ts';

/** How a deploy shall be done; what `bosh deploy`'s flags say. */
export interface DeployOptions {
  dryRun: boolean;
  recreate: boolean;
  recreatePersistentDisks: boolean;
  /** RFC 3339: recreate only VMs that are older. */
  recreateVmsCreatedBefore: string | null;
  /** Recreate instances whose agent does not answer, instead of failing. */
  fix: boolean;
  /** `*`, or groups and instances joined with commas; null: drain. */
  skipDrain: string | null;
  /** As text: a number or a percentage, checked by whoever reads the manifest's own. */
  canaries: string | null;
  maxInFlight: string | null;
  forceLatestVariables: boolean;
  /** Of who deploys. */
  scopes: readonly string[];
}

/** One change of state: of a group (`*`: of all), or of one of its instances. */
export interface StateChange {
  group: string;
  index: number | null;
  state: InstanceState | 'restart' | 'recreate';
}

/** Arguments of the task `update_deployment`. */
export interface UpdateDeploymentArgs {
  deployment: string;
  /** Of a manifest that was deployed before: what its `latest` stood for then. */
  versions?: ChosenVersions;
  manifestText: string;
  options: DeployOptions;
  /** The configs to deploy with, exactly. */
  cloudConfigIds: readonly number[];
  runtimeConfigIds: readonly number[];
  /** No deployment of this name was there before. */
  new: boolean;
  /** Empty for a deploy; otherwise the stored manifest is deployed again with these states. */
  stateChanges: readonly StateChange[];
}

/** Arguments of the task `delete_deployment`. */
export interface DeleteDeploymentArgs {
  deployment: string;
  /** Go on past what cannot be deleted. */
  force: boolean;
  keepSnapshots: boolean;
}

/** Arguments of the task `update_instance`. A recreate is a restart that is hard. */
export interface UpdateInstanceArgs {
  deployment: string;
  instanceId: string;
  action: 'start' | 'stop' | 'restart';
  /** Delete the VM of a stopped instance. */
  hard: boolean;
  skipDrain: boolean;
  ignoreUnresponsiveAgent: boolean;
}

/** Arguments of the task `vms`. */
export interface ListInstancesArgs {
  deployment: string;
  /** `vms`: one line for each VM, inactive ones too. `instances`: one for each instance, VM or not. */
  of: 'vms' | 'instances';
}

/** Arguments of the task `run_errand`. */
export interface RunErrandArgs {
  deployment: string;
  /** Of a job, or of a group of errands. */
  errand: string;
  keepAlive: boolean;
  whenChanged: boolean;
  /** Empty: all that have it. */
  instances: ReadonlyArray<{ group: string; id?: string | number | null | undefined }>;
}

/** Arguments of the task `fetch_logs`. */
export interface FetchLogsArgs {
  deployment: string;
  instanceIds: readonly string[];
  type: string;
  filters: readonly string[];
}

/** Arguments of the task `ssh`. */
export interface SshArgs {
  deployment: string;
  /** Ids are UUIDs or indexes. */
  target: { job: string | null; ids: ReadonlyArray<string | number>; indexes: ReadonlyArray<string | number> };
  command: 'setup' | 'cleanup';
  params: { user?: string; public_key?: string; user_regex?: string };
}
