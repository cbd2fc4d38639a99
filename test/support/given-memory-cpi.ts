import { seededChance } from '../../common/chance.ts';
import { VirtualClock } from '../../common/clock.ts';
import { id, type AgentId, type StemcellCid } from '../../common/ids.ts';
import type { Cpi, VmSpec } from '../../cpi/cpi.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import type { MemoryCpiOptions } from '../../cpi/memory/options.ts';
import type { AgentDefaults } from '../../cpi/settings.ts';

export const agentDefaults: AgentDefaults = {
  mbus: 'nats://127.0.0.1:4222',
  blobstore: { provider: 'local', options: { blobstore_path: '/var/vcap/micro_bosh/data/cache' } },
  ntp: [],
};

export function givenMemoryCpi(options: Partial<MemoryCpiOptions> = {}): Promise<MemoryCpi> {
  return MemoryCpi.open({ clock: new VirtualClock(), chance: seededChance(1), agent: agentDefaults, ...options });
}

let agents = 0;

/** A VM that any infrastructure would make, with what the test is about in `changes`. */
export function vmSpec(stemcellCid: StemcellCid, changes: Partial<VmSpec> = {}): VmSpec {
  return {
    agentId: id<AgentId>(`agent-${++agents}`),
    stemcellCid,
    cloudProperties: {},
    networks: {},
    diskCids: [],
    env: { bosh: { group: 'test' } },
    ...changes,
  };
}

/** A light stemcell: this very file stands for its image. */
export function givenStemcell(cpi: Cpi): Promise<StemcellCid> {
  return cpi.createStemcell(import.meta.filename, { name: 'test', version: '1' });
}

/** Its inventory as the contract wants it. */
export function holdingsOf(cpi: MemoryCpi) {
  const { stemcells, vms, disks, snapshots, networks } = cpi.inventory();
  return {
    stemcells: stemcells.map(({ cid }) => cid),
    vms: Object.fromEntries(vms.map((vm) => [vm.cid, vm.disks])),
    disks: disks.map(({ cid }) => cid),
    snapshots: snapshots.map(({ cid }) => cid),
    networks: networks.map(({ cid }) => cid),
  };
}
