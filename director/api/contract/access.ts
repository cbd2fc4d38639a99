import { Type, type Static } from 'typebox';

const Flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));

/** `id`: a UUID, an index, or `first`: the lowest UUID of the group. Absent: all of the group. */
export const InstanceFilter = Type.Object({
  group: Type.String(),
  id: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
});
export type InstanceFilter = Static<typeof InstanceFilter>;

export const RunErrandRequest = Type.Object({
  'keep-alive': Flag,
  'when-changed': Flag,
  instances: Type.Optional(Type.Union([Type.Array(InstanceFilter), Type.Null()])),
});
export type RunErrandRequest = Static<typeof RunErrandRequest>;

export const ErrandList = Type.Array(Type.Object({ name: Type.String() }));
export type ErrandList = Static<typeof ErrandList>;

/** One line of the result of a run for each instance. */
export const ErrandRunResult = Type.Object({
  instance: Type.Object({ group: Type.String(), id: Type.String() }),
  errand_name: Type.String(),
  /** Above 128: it was cancelled. */
  exit_code: Type.Integer(),
  stdout: Type.String(),
  stderr: Type.String(),
  logs: Type.Object({
    blobstore_id: Type.Union([Type.String(), Type.Null()]),
    sha1: Type.Union([Type.String(), Type.Null()]),
  }),
});
export type ErrandRunResult = Static<typeof ErrandRunResult>;

const Ids = Type.Optional(Type.Union([Type.Array(Type.Union([Type.String(), Type.Integer()])), Type.Null()]));

export const SshTarget = Type.Object({
  job: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  ids: Ids,
  indexes: Ids,
});

const target = { target: SshTarget };
export const SshRequest = Type.Union([
  Type.Object({
    ...target,
    command: Type.Literal('setup'),
    params: Type.Object({ user: Type.String({ minLength: 1 }), public_key: Type.String({ minLength: 1 }) }),
  }),
  Type.Object({
    ...target,
    command: Type.Literal('cleanup'),
    params: Type.Object({ user_regex: Type.String({ minLength: 1 }) }),
  }),
]);
export type SshRequest = Static<typeof SshRequest>;

/** The result of a set-up is a line with an array of these. */
export interface SshSession {
  command: 'setup' | 'cleanup';
  status: 'success';
  ip?: string;
  host_public_key?: string;
  id: string;
  index: number;
  job: string;
  gateway_host?: string;
  gateway_user?: string;
}
