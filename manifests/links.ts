import type { YamlMap, YamlValue } from './value.ts';

/** What a job reference says about a link that its job provides. */
export type LinkProvision =
  | { kind: 'blocked' } // the text "nil": nobody may consume it
  | { kind: 'provided'; as: string | null; shared: boolean; aliases: readonly LinkAlias[] };

/** A DNS alias for the instances behind a link. */
export interface LinkAlias {
  domain: string;
  healthFilter: string | null;
  initialHealthCheck: string | null;
  placeholderType: string | null;
}

/** What a job reference, or a certificate variable, says about a link that it consumes. Absent: found by its type. */
export type LinkConsumption =
  | { kind: 'blocked' } // the text "nil": the template sees no link, if the job holds it for optional
  | {
      kind: 'from';
      /** The alias or name of the provided link; null: the name of the consumed one. */
      from: string | null;
      deployment: string | null;
      network: string | null;
      /** true: IPs, false: DNS names, null: as the provider's deployment has it. */
      ipAddresses: boolean | null;
    }
  | { kind: 'manual'; instances: readonly YamlMap[]; properties: YamlMap; address: YamlValue };

/** A link that the manifest makes a job provide, beside those in its release. */
export interface CustomProvider {
  name: string;
  type: string;
  /** Paths into the job's properties, with dots. */
  properties: readonly string[];
}
