import { Type, type Static } from 'typebox';
import { Stemcell } from './stemcells.ts';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);

/** Empty fields are left out. */
export const Event = Type.Object({
  id: Type.String(),
  parent_id: Type.Optional(Type.String()),
  timestamp: Type.Integer(),
  user: Type.String(),
  action: Type.String(),
  object_type: Type.String(),
  object_name: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
  task: Type.Optional(Type.String()),
  deployment: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String()),
  context: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type Event = Static<typeof Event>;

export interface EventListQuery {
  before_id?: string;
  /** Seconds since the epoch, or a date. */
  before_time?: string;
  after_time?: string;
  task?: string;
  deployment?: string;
  instance?: string;
  user?: string;
  action?: string;
  object_type?: string;
  object_name?: string;
}

export const NewEvent = Type.Object({
  action: Type.String(),
  object_type: Type.String(),
  object_name: Type.String(),
  deployment: Type.Optional(TextOrNull),
  instance: Type.Optional(TextOrNull),
  error: Type.Optional(TextOrNull),
  context: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
  timestamp: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
});
export type NewEvent = Static<typeof NewEvent>;

export const Lock = Type.Object({
  type: Type.String(),
  resource: Type.Array(Type.String()),
  /** `<seconds since the epoch>.<microseconds>`. */
  timeout: Type.String(),
  task_id: Type.String(),
});
export type Lock = Static<typeof Lock>;

export const OrphanedDisk = Type.Object({
  disk_cid: Type.String(),
  size: Type.Integer(),
  az: TextOrNull,
  deployment_name: Type.String(),
  instance_name: Type.String(),
  cloud_properties: Type.Unknown(),
  orphaned_at: Type.String(),
});
export type OrphanedDisk = Static<typeof OrphanedDisk>;

export const Snapshot = Type.Object({
  job: Type.String(),
  index: Type.Integer(),
  uuid: Type.String(),
  snapshot_cid: Type.String(),
  created_at: Type.String(),
  clean: Type.Boolean(),
});
export type Snapshot = Static<typeof Snapshot>;

export const OrphanedVm = Type.Object({
  az: TextOrNull,
  cid: Type.String(),
  deployment_name: Type.String(),
  instance_name: Type.String(),
  ip_addresses: Type.Array(Type.String()),
  orphaned_at: Type.String(),
});
export type OrphanedVm = Static<typeof OrphanedVm>;

export const CleanUpRequest = Type.Object({
  config: Type.Object({
    remove_all: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    keep_orphaned_disks: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  }),
});
export type CleanUpRequest = Static<typeof CleanUpRequest>;

/** What a clean-up would delete. */
export const CleanUpPlan = Type.Object({
  releases: Type.Array(Type.Object({ name: Type.String(), versions: Type.Array(Type.String()) })),
  stemcells: Type.Array(Stemcell),
  compiled_packages: Type.Array(
    Type.Object({ package_name: Type.String(), stemcell_os: Type.String(), stemcell_version: Type.String() }),
  ),
  orphaned_disks: Type.Array(OrphanedDisk),
  orphaned_vms: Type.Array(OrphanedVm),
  exported_releases: Type.Array(Type.String()),
  dns_blobs: Type.Array(Type.String()),
});
export type CleanUpPlan = Static<typeof CleanUpPlan>;

export const Resurrection = Type.Object({ resurrection: Type.Boolean() });
export type Resurrection = Static<typeof Resurrection>;

export const ResurrectionRequest = Type.Object({ resurrection_paused: Type.Boolean() });
export type ResurrectionRequest = Static<typeof ResurrectionRequest>;

export const CertificateExpiry = Type.Object({
  certificate_path: Type.String(),
  /** ISO 8601. */
  expiry: Type.String(),
  days_left: Type.Integer(),
});
export type CertificateExpiry = Static<typeof CertificateExpiry>;
