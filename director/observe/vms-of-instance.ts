import type { Instance, Vm } from '../store/instances.ts';

/** The VM that serves; undefined: none does. */
export function activeVmOf(instance: Instance): Vm | undefined {
  return instance.vms.find((vm) => vm.active);
}

/**
 * Whether someone should worry that it has none: errands, detached instances and those that were never made may be
 * without. The store's `watched` tells the same.
 */
export function expectsVm(instance: Instance): boolean {
  return instance.state !== 'detached' && !instance.compilation && instance.spec?.['lifecycle'] === 'service';
}

/** The addresses that a VM was made with, IPv4 before IPv6, each in order. */
export function addressesOf(vm: Vm): string[] {
  const addresses = Object.values(vm.networks).flatMap((network): string[] => {
    const ip = typeof network === 'object' && network !== null && 'ip' in network ? network.ip : undefined;
    return typeof ip === 'string' && ip !== '' ? [ip] : [];
  });
  return [...new Set(addresses)].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** Numbers of one width, so that texts compare as the addresses do. */
function sortKey(address: string): string {
  if (address.includes(':')) return `6${address}`;
  return `4${address
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.')}`;
}
