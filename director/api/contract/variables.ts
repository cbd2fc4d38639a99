import { Type, type Static } from 'typebox';

/** A variable at a version that the deployment, or some instance of it, was made with. */
export const Variable = Type.Object({ id: Type.String(), name: Type.String() });
export type Variable = Static<typeof Variable>;

export const DeployedVariable = Type.Object({
  deployments: Type.Array(Type.Object({ name: Type.String(), version: Type.String() })),
});
export type DeployedVariable = Static<typeof DeployedVariable>;

export const DeploymentCertificate = Type.Object({
  name: Type.String(),
  id: Type.String(),
  /** ISO 8601, in whole seconds. */
  expiry_date: Type.String(),
  days_left: Type.Integer(),
});
export type DeploymentCertificate = Static<typeof DeploymentCertificate>;
