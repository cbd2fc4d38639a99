import { Type, type Static } from 'typebox';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);

export const NameAndVersion = Type.Object({ name: Type.String(), version: Type.String() });
export type NameAndVersion = Static<typeof NameAndVersion>;

export const DeploymentSummary = Type.Object({
  name: Type.String(),
  teams: Type.Array(Type.String()),
  /** Absent when excluded, like the others below. */
  cloud_config: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('latest'), Type.Literal('outdated')])),
  stemcells: Type.Optional(Type.Array(NameAndVersion)),
  releases: Type.Optional(Type.Array(NameAndVersion)),
  locked: Type.Optional(Type.Boolean()),
});
export type DeploymentSummary = Static<typeof DeploymentSummary>;
export const DeploymentList = Type.Array(DeploymentSummary);

export interface DeploymentListQuery {
  exclude_configs?: 'true';
  exclude_releases?: 'true';
  exclude_stemcells?: 'true';
  exclude_lock?: 'true';
}

export const DeploymentManifest = Type.Object({
  /** As it was given; null until the first deploy has succeeded. */
  manifest: TextOrNull,
});
export type DeploymentManifest = Static<typeof DeploymentManifest>;

/** A deploy that succeeded, and can be gone back to. Gantry's own. */
export const PastDeploySummary = Type.Object({
  /** Of the deploy. */
  task: Type.Integer(),
  /** Unix seconds. */
  deployed_at: Type.Integer(),
  user: Type.String(),
  /** Versions by name. */
  releases: Type.Record(Type.String(), Type.String()),
  /** Versions by the manifest's aliases. */
  stemcells: Type.Record(Type.String(), Type.String()),
  cloud_config_ids: Type.Array(Type.Integer()),
  runtime_config_ids: Type.Array(Type.Integer()),
});
export type PastDeploySummary = Static<typeof PastDeploySummary>;

export interface RollbackQuery extends Omit<DeployQuery, 'context'> {
  /** Of a past deploy; default: the one before the last, or after a failed deploy the last that succeeded. */
  task?: string;
}

export interface DeployQuery {
  recreate?: 'true';
  recreate_persistent_disks?: 'true';
  fix?: 'true';
  dry_run?: 'true';
  force_latest_variables?: 'true';
  /** `*`, or groups and instances joined with commas. */
  skip_drain?: string;
  canaries?: string;
  max_in_flight?: string;
  /** RFC 3339; only with recreate. */
  recreate_vms_created_before?: string;
  /** JSON of a ConfigContext: deploys with exactly these configs. */
  context?: string;
}

export const ConfigContext = Type.Object({
  cloud_config_ids: Type.Optional(Type.Union([Type.Array(Type.Integer()), Type.Null()])),
  runtime_config_ids: Type.Optional(Type.Union([Type.Array(Type.Integer()), Type.Null()])),
});
export type ConfigContext = Static<typeof ConfigContext>;

/** A line's text, indented, and what becomes of it; null: context of changed lines. */
export const DiffLine = Type.Tuple([
  Type.String(),
  Type.Union([Type.Literal('added'), Type.Literal('removed'), Type.Null()]),
]);
export type DiffLine = Static<typeof DiffLine>;

export const DeploymentDiff = Type.Object({
  context: Type.Optional(ConfigContext),
  diff: Type.Array(DiffLine),
  /** The answer is 200 all the same, as in BOSH. */
  error: Type.Optional(Type.String()),
});
export type DeploymentDiff = Static<typeof DeploymentDiff>;

const instanceFields = {
  agent_id: TextOrNull,
  cid: TextOrNull,
  job: Type.String(),
  index: Type.Integer(),
  id: Type.String(),
  az: TextOrNull,
  ips: Type.Array(Type.String()),
  vm_created_at: TextOrNull,
};

/** One for each VM, inactive ones too. */
export const VmSummary = Type.Object({
  ...instanceFields,
  active: Type.Boolean(),
  permanent_nats_credentials: Type.Boolean(),
});
export type VmSummary = Static<typeof VmSummary>;

export const InstanceSummary = Type.Object({ ...instanceFields, expects_vm: Type.Boolean() });
export type InstanceSummary = Static<typeof InstanceSummary>;

export const InstanceDetails = Type.Object({
  deployment: Type.String(),
  job: Type.String(),
  index: Type.Integer(),
  id: Type.String(),
  state: Type.String(),
  disks: Type.Array(Type.String()),
});
export type InstanceDetails = Static<typeof InstanceDetails>;

/** One line of the result of GET .../vms?format=full and .../instances?format=full. */
export const FullInstance = Type.Object({
  vm_cid: TextOrNull,
  active: Type.Union([Type.Boolean(), Type.Null()]),
  vm_created_at: TextOrNull,
  cloud_properties: Type.Unknown(),
  disk_cid: TextOrNull,
  disk_cids: Type.Array(Type.String()),
  ips: Type.Array(Type.String()),
  agent_id: TextOrNull,
  job_name: Type.String(),
  index: Type.Integer(),
  job_state: TextOrNull,
  state: Type.String(),
  vm_type: TextOrNull,
  vitals: Type.Unknown(),
  processes: Type.Array(Type.Unknown()),
  az: TextOrNull,
  id: Type.String(),
  bootstrap: Type.Boolean(),
  ignore: Type.Boolean(),
  stemcell: Type.Object({
    name: TextOrNull,
    version: TextOrNull,
    api_version: Type.Union([Type.Integer(), Type.Null()]),
  }),
});
export type FullInstance = Static<typeof FullInstance>;

export const IgnoreRequest = Type.Object({ ignore: Type.Boolean() });
export type IgnoreRequest = Static<typeof IgnoreRequest>;
