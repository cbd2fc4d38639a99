import type { StemcellCid } from '../../common/ids.ts';

export interface Stemcell {
  id: number;
  name: string;
  version: string;
  operatingSystem: string;
  cid: StemcellCid;
  /** The CPI that holds it; empty: the only one. */
  cpi: string;
  apiVersion: number | null;
  /** Of the image, as the stemcell's manifest has it. */
  digest: string | null;
}

export interface StemcellInUse extends Stemcell {
  /** Names of the deployments that use it, sorted. */
  deployments: string[];
}

/** Unique by name, version and CPI. */
export interface Stemcells {
  /** By name, then version. */
  list(): Promise<StemcellInUse[]>;
  find(name: string, version: string, cpi?: string): Promise<Stemcell[]>;
  /** All versions of stemcells with this operating system, or with this name. */
  ofSystem(operatingSystem: string): Promise<Stemcell[]>;
  ofName(name: string): Promise<Stemcell[]>;
  save(stemcell: Omit<Stemcell, 'id'>): Promise<Stemcell>;
  delete(id: number): Promise<void>;

  /** That `cpi` has had this upload, also where it did not take it (formats). */
  recordUpload(upload: { name: string; version: string; cpi: string }): Promise<void>;
  uploads(name: string, version: string): Promise<string[]>;
}
