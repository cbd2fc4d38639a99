import { givenCpiProgram } from '../support/given-cpi-program.ts';
import { describeCpi, type Breakable, type CpiUnderTest } from '../contract/cpi.contract.ts';

const wireNames: Record<Breakable, string> = {
  createVm: 'create_vm',
  deleteVm: 'delete_vm',
  rebootVm: 'reboot_vm',
  createDisk: 'create_disk',
  deleteDisk: 'delete_disk',
  attachDisk: 'attach_disk',
  detachDisk: 'detach_disk',
};

// Every call is a process, two minutes in all on a busy machine; test/unit/cpi/executable has what is special here
describeCpi('a CPI program', programUnderTest, { atOnce: 10 });

async function programUnderTest(): Promise<CpiUnderTest> {
  const program = await givenCpiProgram();
  let cpi = program.open();
  return {
    cpi: () => cpi,
    holdings: async () => {
      const { stemcells, vms, disks, snapshots, networks } = await program.infrastructure();
      const on = (vm: string) => Object.keys(disks).filter((cid) => disks[cid]?.vm === vm);
      return {
        stemcells: Object.keys(stemcells),
        vms: Object.fromEntries(Object.keys(vms).map((vm) => [vm, on(vm)])),
        disks: Object.keys(disks),
        snapshots: Object.keys(snapshots),
        networks: Object.keys(networks),
      };
    },
    failOnce: (method, when) => program.fault(wireNames[method], when === 'before' ? 'refuse' : 'die'),
    fillUp: async () => program.set('vms-max', String(Object.keys((await program.infrastructure()).vms).length)),
    restart: async () => {
      cpi = program.open();
    },
    networks: (n) => ({ a: { type: 'manual', ip: `10.0.0.${n}`, netmask: '255.255.255.0' } }),
    findsLostVms: false,
    close: () => program.remove(),
  };
}
