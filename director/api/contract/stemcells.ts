import { Type, type Static } from 'typebox';

export const Stemcell = Type.Object({
  name: Type.String(),
  operating_system: Type.String(),
  version: Type.String(),
  cid: Type.String(),
  cpi: Type.String(),
  deployments: Type.Array(Type.Object({ name: Type.String() })),
  api_version: Type.Union([Type.Integer(), Type.Null()]),
  id: Type.Integer(),
});
export type Stemcell = Static<typeof Stemcell>;
export const StemcellList = Type.Array(Stemcell);

export interface UploadStemcellQuery {
  fix?: 'true';
  sha1?: string;
}

export const StemcellUploadCheck = Type.Object({
  stemcell: Type.Object({ name: Type.String(), version: Type.String() }),
});
export type StemcellUploadCheck = Static<typeof StemcellUploadCheck>;

export const StemcellUploadNeeded = Type.Object({ needed: Type.Boolean() });
export type StemcellUploadNeeded = Static<typeof StemcellUploadNeeded>;
