import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import type { VmCid } from '../../common/ids.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import { processMachinesPossible, type Privilege } from '../../cpi/memory/namespace.ts';
import { ProcessHost } from '../../cpi/memory/process-host.ts';
import { agentDefaults } from './given-memory-cpi.ts';

/** What machine-program.mjs noted. */
export interface Seen {
  run: string;
  vm: string;
  agentId: string;
  temporary: string[];
  disks: Record<string, string[]>;
  pids: number[];
  pidNamespace: string;
  uid: number;
  path: string;
}

/** An infrastructure of process machines on which machine-program.mjs stands for the agent. */
export async function givenProcessMachines(options: { privilege?: Privilege; command?: string[] } = {}) {
  const possible = await processMachinesPossible();
  if (!possible.possible) throw new Error(`process machines are not possible here: ${possible.reason}`);
  const directory = await mkdtemp(join(tmpdir(), 'machines-'));
  const program = join(import.meta.dirname, 'machine-program.mjs');
  const open = async () => {
    const machines = await ProcessHost.open({
      directory,
      privilege: options.privilege ?? possible.privilege,
      agentCommand: (settings) => options.command ?? [process.execPath, program, settings],
      clock: systemClock,
    });
    return MemoryCpi.open({
      directory: join(directory, 'inventory'),
      zones: { z: {} },
      machines,
      clock: systemClock,
      chance: systemChance,
      agent: agentDefaults,
    });
  };
  let cpi = await open();
  const vcap = (vmCid: VmCid, name: string) => join(directory, 'vms', vmCid, 'vcap', name);
  return {
    directory,
    cpi: () => cpi,
    restart: async () => {
      await cpi.close();
      cpi = await open();
    },
    seen: async (vmCid: VmCid): Promise<Seen | undefined> => {
      const text = await readFile(vcap(vmCid, 'seen.json'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as Seen); // machine-program.mjs wrote it
    },
    order: async (vmCid: VmCid, order: 'halt' | 'crash' | 'orphan' | 'mount') => {
      await writeFile(vcap(vmCid, 'order.new'), order);
      await rename(vcap(vmCid, 'order.new'), vcap(vmCid, 'order')); // whole, for it is looked for all the time
    },
    close: async () => {
      await Promise.all(cpi.inventory().vms.map((vm) => cpi.deleteVm(vm.cid)));
      await cpi.close();
      await rm(directory, { recursive: true });
    },
  };
}
