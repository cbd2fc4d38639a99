import { Type, type Static } from 'typebox';

const Feature = Type.Object({
  status: Type.Boolean(),
  extras: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

export const Info = Type.Object({
  name: Type.String(),
  uuid: Type.String(),
  /** `<version> (<revision>)`. */
  version: Type.String(),
  /** Null: no credentials were sent, or wrong ones. */
  user: Type.Union([Type.String(), Type.Null()]),
  cpi: Type.String(),
  stemcell_os: Type.String(),
  stemcell_version: Type.String(),
  user_authentication: Type.Object({
    type: Type.String(),
    options: Type.Record(Type.String(), Type.Unknown()),
  }),
  features: Type.Record(Type.String(), Feature),
});
export type Info = Static<typeof Info>;
