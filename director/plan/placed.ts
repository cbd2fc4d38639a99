import type { Instance } from '../store/instances.ts';

/** One wanted instance: which AZ, and which existing instance becomes it (null: a new one). */
export interface Placement {
  existing: Instance | null;
  az: string | null;
  /** By network name, for networks with static IPs. */
  staticIps: ReadonlyMap<string, string>;
}

export interface Placed {
  placements: Placement[];
  /** Existing instances that the group has no place for. */
  obsolete: Instance[];
}
