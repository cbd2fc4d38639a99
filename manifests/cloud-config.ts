import type { Network } from './networks.ts';
import type { YamlMap } from './value.ts';

/** One or several cloud configs, merged. Maps are by name, in the config's order. */
export interface CloudConfig {
  azs: ReadonlyMap<string, Az>;
  networks: ReadonlyMap<string, Network>;
  vmTypes: ReadonlyMap<string, VmType>;
  vmExtensions: ReadonlyMap<string, VmExtension>;
  diskTypes: ReadonlyMap<string, DiskType>;
  compilation: Compilation;
}

/** Cloud properties are opaque to us, and hold placeholders until a VM or disk is made. */
export interface Az {
  name: string;
  /** Null: the director's only CPI. */
  cpi: string | null;
  cloudProperties: YamlMap;
}

export interface VmType {
  name: string;
  cloudProperties: YamlMap;
}

export interface VmExtension {
  name: string;
  cloudProperties: YamlMap;
}

export interface DiskType {
  name: string;
  sizeMib: number;
  cloudProperties: YamlMap;
}

export interface Compilation {
  workers: number;
  network: string;
  az: string | null;
  reuseCompilationVms: boolean;
  /** Orphan the workers instead of deleting them, so that the task needn't wait. */
  orphanWorkers: boolean;
  vm: CompilationVm;
  vmExtensions: readonly string[];
  env: YamlMap;
}

export type CompilationVm =
  | { kind: 'type'; vmType: string }
  | { kind: 'resources'; cpu: number; ramMib: number; ephemeralDiskMib: number }
  | { kind: 'properties'; cloudProperties: YamlMap };

/**
 * What the CPI gets for a VM: the AZ's properties, over them the VM type's, over them each extension's in order.
 * A later key replaces the whole value; nothing is merged inside. Source: merged_cloud_properties.rb.
 */
export function vmCloudProperties(...layers: readonly (YamlMap | undefined)[]): YamlMap {
  return Object.assign({}, ...layers) as YamlMap; // the layers are all YamlMaps
}
