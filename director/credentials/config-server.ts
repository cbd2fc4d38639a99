import type { YamlMap, YamlValue } from '../../manifests/value.ts';

/** A value at one of its versions. */
export interface Credential {
  /** Of the version: the same id gives the same value for ever, but for the CAs that a certificate's `ca` lists. */
  id: string;
  name: string;
  value: YamlValue;
}

/** What becomes of a name that has a value: it is made anew, kept, or made anew if its parameters are others. */
export const generationModes = ['overwrite', 'no-overwrite', 'converge'] as const;
export type GenerationMode = (typeof generationModes)[number];

export interface GenerationRequest {
  /** Absolute, as is `ca` in the parameters of a certificate. */
  name: string;
  /** `password`, `user`, `certificate`, `rsa`, `ssh`; more where the server knows more. */
  type: string;
  parameters: YamlMap;
  mode: GenerationMode;
}

/**
 * Where the values of variables are: our own store, or another config server such as CredHub. Each implementation
 * passes test/contract/config-server.contract.ts. Reading may be repeated; generating may where the mode is not
 * `overwrite`. Source: BOSH's config server API, v1.
 */
export interface ConfigServer {
  /** The versions in force, by name; a name that has none is left out. @throws OperatorError `config-server-failed` */
  current(names: readonly string[], signal?: AbortSignal): Promise<Map<string, Credential>>;
  /** By id; one that is not there any more is left out. @throws OperatorError `config-server-failed` */
  byId(ids: readonly string[], signal?: AbortSignal): Promise<Map<string, Credential>>;
  /** @throws OperatorError `variable-generation-failed` | `config-server-failed` */
  generate(request: GenerationRequest, signal?: AbortSignal): Promise<Credential>;
}
