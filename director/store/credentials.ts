/** One version of a value of our own config server, sealed. */
export interface SealedCredential {
  id: string;
  /** `/director/deployment/name`. */
  name: string;
  type: string;
  sealed: Buffer;
  /** Of the key that it is sealed with. */
  keyId: string;
  metadata: Record<string, unknown> | null;
  /** A CA that is there beside the one that signs, so that both are trusted for a while. */
  transitional: boolean;
  /** Of a certificate: the name of the CA that signed it, and the version of that. Null: itself, or an unknown one. */
  signedBy: string | null;
  signerVersion: string | null;
  /** Of a certificate. */
  expiresAtMs: number | null;
  createdAtMs: number;
}

/** What may be told of a version without its value. */
export type CredentialSummary = Omit<SealedCredential, 'sealed' | 'keyId'>;

export interface CredentialFilter {
  /** Names that begin with it. */
  prefix?: string;
  /** Names with this in them, in whatever case. */
  part?: string;
  signedBy?: string;
  /** Certificates that expire before. */
  expiresBeforeMs?: number;
  limit: number;
}

export interface Credentials {
  /** By name: the version in force, which is the newest that is not transitional; after it the transitional one. */
  live(names: readonly string[]): Promise<Map<string, SealedCredential[]>>;
  byId(ids: readonly string[]): Promise<Map<string, SealedCredential>>;
  /** Newest first. */
  versions(name: string, limit: number): Promise<SealedCredential[]>;
  /** The versions in force, by name. */
  list(filter: CredentialFilter): Promise<CredentialSummary[]>;
  /**
   * @param options.onlyFirst nothing is done where the name has a version
   * @returns whether it was added
   */
  add(version: SealedCredential, options?: { onlyFirst?: boolean }): Promise<boolean>;
  /** Makes this version of the name the transitional one, and no other; null: none. */
  setTransitional(name: string, id: string | null): Promise<void>;
  /** With all its versions. @returns whether it was there */
  delete(name: string): Promise<boolean>;
  /** Of all versions, and whether there is any. */
  keyIds(): Promise<string[]>;
}
