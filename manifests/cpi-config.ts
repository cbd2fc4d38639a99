import type { YamlMap } from './value.ts';

export interface CpiConfig {
  cpis: readonly CpiDefinition[];
}

export interface CpiDefinition {
  name: string;
  type: string;
  /** The program that is run; `/var/vcap/jobs/<type>_cpi/bin/cpi` unless the config says otherwise. */
  execPath: string;
  /** Sent with each call as its context. Placeholders in it are absolute names. */
  properties: YamlMap;
  /** Former names: what was made under them belongs to this CPI. */
  migratedFrom: readonly string[];
}

/** By its name or a former one. */
export function findCpi(config: CpiConfig, name: string): CpiDefinition | undefined {
  return config.cpis.find((cpi) => cpi.name === name || cpi.migratedFrom.includes(name));
}
