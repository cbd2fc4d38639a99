import type { AgentId, DiskCid, VmCid } from '../../common/ids.ts';
import type { DiskHint, NetworkSettings, StemcellImage } from './records.ts';
import type { AgentSettings } from '../settings.ts';

/**
 * What makes a VM of the memory infrastructure run: simulated agents in this process, or processes in namespaces of
 * their own (process-host.ts). The infrastructure decides and remembers; the host carries out and remembers nothing
 * that it can't find again.
 *
 * INVARIANTS
 * - Calls about one VM come one at a time. Calls about different VMs come at the same time.
 * - Every call may come again after a crash, and then succeeds: booting what runs, removing what is gone.
 * - A CpiError that a host throws reaches the director as it is; anything else is wrapped.
 */
export interface MachineHost {
  /** Whether all networks share one set of addresses, so that an IP can be given once only. */
  readonly sharedAddresses: boolean;
  /** Where addresses of dynamic networks can be from; the infrastructure's own choice when absent. */
  readonly dynamicRange?: string;
  /** Whether it can give machines these networks. Called before anything is made. @throws CpiError `CloudError` */
  accepts(networks: Record<string, NetworkSettings>): void;
  /** Powers on. Running already: nothing happens. */
  boot(machine: Machine): Promise<void>;
  /** Powers on a machine that ran before this program was restarted, unless it still runs. */
  adopt(machine: Machine): Promise<void>;
  reboot(machine: Machine): Promise<void>;
  /** Powers off and forgets what the machine wrote anywhere but on its persistent disks. */
  remove(vmCid: VmCid): Promise<void>;
  /** How the agent will find this disk on this machine; never empty, the same every time. */
  diskHint(vmCid: VmCid, diskCid: DiskCid): DiskHint;
  attachDisk(machine: Machine, diskCid: DiskCid): Promise<void>;
  detachDisk(vmCid: VmCid, diskCid: DiskCid): Promise<void>;
  createDisk(diskCid: DiskCid, sizeMib: number): Promise<void>;
  resizeDisk(diskCid: DiskCid, sizeMib: number): Promise<void>;
  deleteDisk(diskCid: DiskCid): Promise<void>;
}

/** A VM as its host sees it. */
export interface Machine {
  readonly vmCid: VmCid;
  readonly agentId: AgentId;
  readonly cpu: number;
  readonly ramMib: number;
  readonly image: StemcellImage;
  /** As of now: with the disks that are attached. */
  readonly settings: AgentSettings;
}

/** Nothing runs: VMs are entries in the inventory. */
export const noMachines: MachineHost = {
  sharedAddresses: false,
  accepts: () => {},
  boot: () => Promise.resolve(),
  adopt: () => Promise.resolve(),
  reboot: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  diskHint: (_vmCid, diskCid) => ({ path: `/dev/disk/by-id/memory-${diskCid}`, id: diskCid }),
  attachDisk: () => Promise.resolve(),
  detachDisk: () => Promise.resolve(),
  createDisk: () => Promise.resolve(),
  resizeDisk: () => Promise.resolve(),
  deleteDisk: () => Promise.resolve(),
};
