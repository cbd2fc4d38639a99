import type { Chance } from '../../common/chance.ts';
import { id, type AgentId, type DiskCid, type VmCid } from '../../common/ids.ts';
import { FileJournal, noJournal, type Change, type Journal, type Kind } from './journal.ts';
import type { Records, Vm } from './records.ts';

type Tables = { readonly [K in Kind]: Map<string, Records[K]> };

/**
 * All that the infrastructure holds, with the questions that are asked often answered from maps: nothing here scans.
 * Changes hold at once for the next caller; `commit` resolves when they would survive a restart.
 */
export class Inventory {
  readonly #tables: Tables = {
    stemcells: new Map(),
    vms: new Map(),
    disks: new Map(),
    snapshots: new Map(),
    networks: new Map(),
  };
  readonly #vmOfAgent = new Map<AgentId, VmCid>();
  readonly #disksOfVm = new Map<VmCid, Set<DiskCid>>();
  readonly #vmOfAddress = new Map<string, VmCid>();
  readonly #useOfZone = new Map<string, { vms: number; ramMib: number }>();
  #diskMib = 0;
  #journal: Journal = noJournal;
  readonly #chance: Chance;
  readonly #addressesOf: (vm: Vm) => string[];

  /** @param addressesOf the keys under which a VM's addresses may be held once only */
  constructor(chance: Chance, addressesOf: (vm: Vm) => string[]) {
    this.#chance = chance;
    this.#addressesOf = addressesOf;
  }

  /** Takes up what a journal in this directory remembers, and goes on with it. */
  async remember(directory: string): Promise<void> {
    this.#journal = await FileJournal.open(
      directory,
      (change) => this.#apply(change),
      () => this.#everything(),
    );
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  get<K extends Kind>(kind: K, cid: string): Records[K] | undefined {
    return this.#tables[kind].get(cid);
  }

  all<K extends Kind>(kind: K): IterableIterator<Records[K]> {
    return this.#tables[kind].values();
  }

  /** A cid that nothing has: a seeded chance, started anew over an old journal, repeats itself. */
  freshCid<K extends Kind>(kind: K, prefix: string): Records[K]['cid'] {
    for (;;) {
      const cid = `${prefix}-${this.#chance.uuid()}`;
      if (!this.#tables[kind].has(cid)) return id<Records[K]['cid']>(cid);
    }
  }

  vmOfAgent(agentId: AgentId): VmCid | undefined {
    return this.#vmOfAgent.get(agentId);
  }

  disksOf(vmCid: VmCid): DiskCid[] {
    return [...(this.#disksOfVm.get(vmCid) ?? [])];
  }

  vmOfAddress(address: string): VmCid | undefined {
    return this.#vmOfAddress.get(address);
  }

  useOfZone(zone: string): { readonly vms: number; readonly ramMib: number } {
    return this.#useOfZone.get(zone) ?? { vms: 0, ramMib: 0 };
  }

  get diskMib(): number {
    return this.#diskMib;
  }

  commit(...changes: Change[]): Promise<void> {
    for (const change of changes) this.#apply(change);
    return this.#journal.append(changes);
  }

  #apply(change: Change): void {
    if ('del' in change) {
      this.#unindex(change.del, change.cid);
      this.#tables[change.del].delete(change.cid);
      return;
    }
    const { put, value } = change;
    this.#unindex(put, value.cid);
    // The union of changes pairs each kind with its record; TypeScript loses that when the table is looked up
    (this.#tables[put] as Map<string, typeof value>).set(value.cid, value);
    this.#index(put, value.cid, 1);
  }

  #unindex(kind: Kind, cid: string): void {
    if (this.#tables[kind].has(cid)) this.#index(kind, cid, -1);
  }

  #index(kind: Kind, cid: string, sign: 1 | -1): void {
    if (kind === 'vms') this.#indexVm(this.#tables.vms.get(cid), sign);
    if (kind === 'disks') this.#indexDisk(cid, sign);
  }

  #indexVm(vm: Vm | undefined, sign: 1 | -1): void {
    if (vm === undefined) return;
    const use = this.useOfZone(vm.zone ?? '');
    this.#useOfZone.set(vm.zone ?? '', { vms: use.vms + sign, ramMib: use.ramMib + sign * vm.ramMib });
    if (sign === 1) this.#vmOfAgent.set(vm.agentId, vm.cid);
    else this.#vmOfAgent.delete(vm.agentId);
    for (const address of this.#addressesOf(vm)) {
      if (sign === 1) this.#vmOfAddress.set(address, vm.cid);
      else this.#vmOfAddress.delete(address);
    }
  }

  #indexDisk(cid: string, sign: 1 | -1): void {
    const disk = this.#tables.disks.get(cid);
    if (disk === undefined) return;
    this.#diskMib += sign * disk.sizeMib;
    if (disk.attachedTo === null) return;
    const { vmCid } = disk.attachedTo;
    const disks = this.#disksOfVm.get(vmCid) ?? new Set();
    if (sign === 1) disks.add(disk.cid);
    else disks.delete(disk.cid);
    if (disks.size === 0) this.#disksOfVm.delete(vmCid);
    else this.#disksOfVm.set(vmCid, disks);
  }

  *#everything(): Generator<Change, void, undefined> {
    for (const value of this.#tables.stemcells.values()) yield { put: 'stemcells', value };
    for (const value of this.#tables.vms.values()) yield { put: 'vms', value };
    for (const value of this.#tables.disks.values()) yield { put: 'disks', value };
    for (const value of this.#tables.snapshots.values()) yield { put: 'snapshots', value };
    for (const value of this.#tables.networks.values()) yield { put: 'networks', value };
  }
}
