import type { WantedState } from './instance-group.ts';
import type { VmStrategy } from './update-policy.ts';

/** What the director's own configuration has to say about cloud configs. */
export interface CloudConfigOptions {
  /** Addresses that the director itself has: never given to a VM. */
  directorIps?: readonly string[];
  /** `director.network.enable_lifecycle`: networks with `managed: true` are made by the director. */
  managedNetworks?: boolean;
  /** `director.ignore_missing_gateway` */
  ignoreMissingGateway?: boolean;
}

export interface ManifestOptions {
  /** `director.default_update_vm_strategy` */
  defaultVmStrategy?: VmStrategy;
  /** From the command line: they win over every `update` block, the groups' own too. */
  canaries?: string;
  maxInFlight?: string;
  /** States that a start, stop, restart or recreate asks for, by instance group; `*` for those not named. */
  states?: Readonly<Record<string, StateOverride>>;
}

export interface StateOverride {
  state?: WantedState;
  /** By index or id. */
  instanceStates?: Readonly<Record<string, WantedState>>;
}
