import type { Blobs } from '../../agent/blobs.ts';
import type { AgentSettings } from '../../agent/protocol.ts';
import type { MachineMemory } from '../../agent/platform/simulated/machine-state.ts';
import { createSimulation, type Simulation } from '../../agent/platform/simulated/machine.ts';
import { SimulatedAgent } from '../../agent/platform/simulated/simulated-agent.ts';
import type { Transport } from '../../agent/transport.ts';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { DiskCid, VmCid } from '../../common/ids.ts';
import type { Machine, MachineHost } from '../../cpi/memory/machine-host.ts';
import { MachineMemories } from './machine-memories.ts';

export interface SimulatedMachinesOptions {
  clock: Clock;
  chance: Chance;
  /** How a machine's agent reaches the bus. */
  connect: (agentId: string) => Transport;
  blobs?: Blobs;
  /** True: every blob that a spec names is fetched and its digest checked. Costs I/O. */
  fetchesBlobs?: boolean;
  /** Where machines remember what real ones have on their disks; null: only in this process. */
  directory: string | null;
}

/** Machines that act as if: one SimulatedAgent for each VM of the memory infrastructure. */
export class SimulatedMachines implements MachineHost {
  readonly sharedAddresses = false;
  readonly #options: SimulatedMachinesOptions;
  readonly #simulation: Simulation;
  readonly #memories: MachineMemories;
  readonly #agents = new Map<VmCid, SimulatedAgent>();
  readonly #attached = new Map<VmCid, Set<string>>();

  constructor(options: SimulatedMachinesOptions) {
    const { clock, chance, blobs, fetchesBlobs = false, directory } = options;
    this.#options = options;
    this.#simulation = createSimulation({ clock, chance, fetchesBlobs, ...(blobs === undefined ? {} : { blobs }) });
    this.#memories = new MachineMemories(directory);
  }

  /** For stories and rehearsals: the machine whose faults and state are to be looked at. */
  agent(vmCid: VmCid): SimulatedAgent | undefined {
    return this.#agents.get(vmCid);
  }

  /** As above: what jobs have left on disks. */
  get diskMarks(): Simulation['diskMarks'] {
    return this.#simulation.diskMarks;
  }

  /** They are off until the next start of the director. */
  close(): void {
    for (const agent of this.#agents.values()) agent.die();
    this.#memories.close();
  }

  accepts(): void {
    // nothing is bound to an address
  }

  boot(machine: Machine): Promise<void> {
    this.#agentOf(machine).start();
    return Promise.resolve();
  }

  adopt(machine: Machine): Promise<void> {
    return this.boot(machine);
  }

  reboot(machine: Machine): Promise<void> {
    this.#agents.get(machine.vmCid)?.die();
    return this.boot(machine);
  }

  remove(vmCid: VmCid): Promise<void> {
    this.#agents.get(vmCid)?.die();
    this.#agents.delete(vmCid);
    this.#attached.delete(vmCid);
    this.#memories.forget(vmCid);
    return Promise.resolve();
  }

  diskHint(_vmCid: VmCid, diskCid: DiskCid): { path: string } {
    return { path: `/dev/disk/by-id/simulated-${diskCid}` };
  }

  attachDisk(machine: Machine, diskCid: DiskCid): Promise<void> {
    const attached = this.#attached.get(machine.vmCid) ?? new Set();
    this.#attached.set(machine.vmCid, attached.add(diskCid));
    return Promise.resolve();
  }

  detachDisk(vmCid: VmCid, diskCid: DiskCid): Promise<void> {
    this.#attached.get(vmCid)?.delete(diskCid);
    return Promise.resolve();
  }

  createDisk(): Promise<void> {
    return Promise.resolve();
  }

  resizeDisk(): Promise<void> {
    return Promise.resolve();
  }

  deleteDisk(diskCid: DiskCid): Promise<void> {
    this.#simulation.diskMarks.forget(diskCid);
    return Promise.resolve();
  }

  #agentOf(machine: Machine): SimulatedAgent {
    const known = this.#agents.get(machine.vmCid);
    if (known !== undefined) return known;
    const settings = machine.settings as unknown as AgentSettings; // two descriptions of one document: the CPI's and the agent's
    this.#attached.set(machine.vmCid, new Set(Object.keys(machine.settings.disks.persistent)));
    const memory: MachineMemory = this.#memories.of(machine.vmCid);
    const agent = new SimulatedAgent(this.#simulation, {
      settings,
      transport: this.#options.connect(machine.agentId),
      memory,
      hardware: { isAttached: (diskCid) => this.#attached.get(machine.vmCid)?.has(diskCid) ?? false },
    });
    this.#agents.set(machine.vmCid, agent);
    return agent;
  }
}
