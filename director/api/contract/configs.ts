import { Type, type Static } from 'typebox';
import { DiffLine } from './deployments.ts';

export const Config = Type.Object({
  content: Type.String(),
  /** A number as text. */
  id: Type.String(),
  type: Type.String(),
  name: Type.String(),
  team: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.String(),
  current: Type.Boolean(),
});
export type Config = Static<typeof Config>;
export const ConfigList = Type.Array(Config);

export interface ConfigListQuery {
  type?: string;
  name?: string;
  limit?: string;
  latest?: 'true' | 'false';
}

export const NewConfig = Type.Object({
  type: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  content: Type.String(),
  /** `0`: there must be none yet. */
  expected_latest_id: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
});
export type NewConfig = Static<typeof NewConfig>;

/** The body of 412, when `expected_latest_id` is not the latest. */
export const ConfigOutdated = Type.Object({
  latest_id: Type.String(),
  expected_latest_id: Type.String(),
  description: Type.String(),
});
export type ConfigOutdated = Static<typeof ConfigOutdated>;

export const ConfigSide = Type.Union([
  Type.Object({ id: Type.String({ pattern: '^\\d+$' }) }),
  Type.Object({ content: Type.String() }),
]);
export type ConfigSide = Static<typeof ConfigSide>;

export const ConfigComparison = Type.Object({ from: ConfigSide, to: ConfigSide });
export type ConfigComparison = Static<typeof ConfigComparison>;

export const ConfigDiff = Type.Object({
  /** The config that was compared with, when the request did not name one; `0`: none. */
  from: Type.Optional(Type.Object({ id: Type.String() })),
  diff: Type.Array(DiffLine),
  error: Type.Optional(Type.String()),
});
export type ConfigDiff = Static<typeof ConfigDiff>;

/** GET /cloud_configs, /runtime_configs, /cpi_configs. */
export const LegacyConfig = Type.Object({ properties: Type.String(), created_at: Type.String() });
export type LegacyConfig = Static<typeof LegacyConfig>;

export const DeploymentConfig = Type.Object({
  id: Type.Integer(),
  deployment: Type.String(),
  config: Type.Object({ id: Type.Integer(), type: Type.String(), name: Type.String() }),
});
export type DeploymentConfig = Static<typeof DeploymentConfig>;
