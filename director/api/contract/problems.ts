import { Type, type Static } from 'typebox';

export const Problem = Type.Object({
  id: Type.Integer(),
  type: Type.String(),
  data: Type.Record(Type.String(), Type.Unknown()),
  description: Type.String(),
  /** In the order of a menu. */
  resolutions: Type.Array(Type.Object({ name: Type.String(), plan: Type.String() })),
  instance_group: Type.String(),
});
export type Problem = Static<typeof Problem>;

export const ResolutionsRequest = Type.Object({
  /** By the problem's id; null: what the director has for it. */
  resolutions: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
  /** By instance group: a number or a percentage. */
  max_in_flight_overrides: Type.Optional(
    Type.Union([Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()])), Type.Null()]),
  ),
});
export type ResolutionsRequest = Static<typeof ResolutionsRequest>;

export const ScanAndFixRequest = Type.Object({
  /** By instance group: indexes or ids. */
  jobs: Type.Record(Type.String(), Type.Array(Type.Union([Type.String(), Type.Integer()]))),
});
export type ScanAndFixRequest = Static<typeof ScanAndFixRequest>;
