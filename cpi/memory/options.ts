import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { AgentDefaults } from '../settings.ts';
import type { UnknownProperties } from './cloud-properties.ts';
import type { MachineHost } from './machine-host.ts';

export interface MemoryCpiOptions {
  clock: Clock;
  chance: Chance;
  agent: AgentDefaults;
  log?: Log;
  /** What runs the VMs. Default: nothing does. */
  machines?: MachineHost;
  /** Where the inventory survives this process. Default: it doesn't. */
  directory?: string;
  /** By the `zone` of cloud properties. With zones, a VM must name one of them, unless there is but one; without, any name will do. */
  zones?: Record<string, ZoneLimits>;
  /** All persistent disks together. */
  diskMibMax?: number;
  unknownCloudProperties?: UnknownProperties;
  /** Where VMs on dynamic networks get their addresses. Default: what the machines' host says. */
  dynamicRange?: string;
  /** Where managed networks without a range of their own get theirs. */
  managedRange?: string;
}

export interface ZoneLimits {
  vmsMax?: number;
  ramMibMax?: number;
}

/** Of a VM whose cloud properties don't say. */
export const vmSizeDefaults = { cpu: 1, ramMib: 1024, ephemeralDiskMib: 10_240 } as const;
