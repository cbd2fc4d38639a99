/** How many at a time: a count, or a share of the instances that change. */
export type Amount = { kind: 'count'; n: number } | { kind: 'percent'; percent: number };

export type VmStrategy = 'delete-create' | 'create-swap-delete';

/** Milliseconds. The first look at an instance is after `min`; it has failed when it isn't running by `max`. */
export interface WatchMs {
  min: number;
  max: number;
}

/** The `update` block, with the deployment's values filled in where an instance group is silent. */
export interface UpdatePolicy {
  canaries: Amount;
  maxInFlight: Amount;
  canaryWatchMs: WatchMs;
  updateWatchMs: WatchMs;
  /** Neighbouring groups with the same value form one batch; a batch of `false` runs in parallel. */
  serial: boolean;
  vmStrategy: VmStrategy;
  /** `parallel` counts only while the deployment has never been deployed. */
  initialDeployAzUpdateStrategy: 'serial' | 'parallel';
}

/** `3`, `20%`, or a number; undefined: neither. A sign is read, because BOSH reads it: -1 counts as none. */
export function parseAmount(text: string): Amount | undefined {
  const percent = /^(\d+)%$/.exec(text)?.[1];
  if (percent !== undefined) return { kind: 'percent', percent: Number(percent) };
  return /^[-+]?\d+$/.test(text) ? { kind: 'count', n: Number(text) } : undefined;
}

export function formatAmount(amount: Amount): string {
  return amount.kind === 'count' ? String(amount.n) : `${amount.percent}%`;
}

/** `size` is how many instances change in this batch. A percentage is rounded down and never above `size`. */
export function resolveAmount(amount: Amount, size: number): number {
  if (amount.kind === 'count') return Math.max(0, amount.n);
  return Math.min(Math.floor((amount.percent * size) / 100), size);
}

/** May be none. */
export function canariesOf(policy: UpdatePolicy, size: number): number {
  return resolveAmount(policy.canaries, size);
}

/** At least one: with none in flight nothing would ever be updated. */
export function maxInFlightOf(policy: UpdatePolicy, size: number): number {
  return Math.max(1, resolveAmount(policy.maxInFlight, size));
}
