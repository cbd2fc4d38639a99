import type { Section } from './section.ts';

/** Sizes that the CPI finds a VM for. */
export interface VmResources {
  kind: 'resources';
  cpu: number;
  ramMib: number;
  ephemeralDiskMib: number;
}

export function readVmResources(resources: Section): VmResources {
  resources.knows(['cpu', 'ram', 'ephemeral_disk_size']);
  return {
    kind: 'resources',
    cpu: resources.integer('cpu'),
    ramMib: resources.integer('ram'),
    ephemeralDiskMib: resources.integer('ephemeral_disk_size'),
  };
}
