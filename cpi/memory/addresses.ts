import { Address4 } from 'ip-address';
import type { NetworkSettings } from '../cpi.ts';
import { CpiError } from '../errors.ts';
import type { Vm } from './records.ts';

/**
 * The keys under which the addresses of a VM are taken. Where networks are apart, two may use one address; a network
 * is then what its cloud properties name, since manifests call one infrastructure's network by many names.
 */
export function addressKeys(networks: Record<string, NetworkSettings>, shared: boolean): string[] {
  return Object.entries(networks).flatMap(([name, network]) =>
    network.ip === undefined ? [] : [shared ? network.ip : `${identity(name, network)} ${network.ip}`],
  );
}

export const keysOfVms = (shared: boolean) => (vm: Pick<Vm, 'networks'>) => addressKeys(vm.networks, shared);

function identity(name: string, { type, cloud_properties }: NetworkSettings): string {
  if (type === 'vip') return 'vip'; // addresses of the outside world: one set for all
  const given = cloud_properties?.['network'] ?? cloud_properties?.['name'];
  return typeof given === 'string' ? given : name;
}

/** @throws CpiError `CloudError` when the text is no IPv4 range */
export function parseRange(text: string): { first: number; size: number; bits: number } {
  if (!text.includes('/') || !Address4.isValid(text)) {
    throw new CpiError('CloudError', `"${text}" is no IPv4 range such as 10.0.0.0/24`);
  }
  const parsed = new Address4(text);
  return {
    first: Number(parsed.startAddress().bigInt()),
    size: 2 ** (32 - parsed.subnetMask),
    bits: parsed.subnetMask,
  };
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** Gives addresses of one range in turn, so that one just freed isn't given again at once. */
export class AddressPool {
  readonly #range: ReturnType<typeof parseRange>;
  #next = 1;

  constructor(range: string) {
    this.#range = parseRange(range);
  }

  /** @throws CpiError `CloudError` when every address is taken */
  take(isTaken: (address: string) => boolean): NetworkSettings {
    const { first, size, bits } = this.#range;
    const last = size - 2; // neither the network's own address nor the broadcast
    for (let tries = 0; tries < last; tries++) {
      const address = formatAddress(first + this.#next);
      this.#next = this.#next >= last ? 1 : this.#next + 1;
      if (isTaken(address)) continue;
      return { type: 'dynamic', ip: address, netmask: formatAddress(2 ** 32 - 2 ** (32 - bits)) };
    }
    throw new CpiError('CloudError', `no dynamic address left in ${formatAddress(first)}/${bits}`);
  }
}
