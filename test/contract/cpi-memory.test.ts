import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemChance } from '../../common/chance.ts';
import { givenMemoryCpi, holdingsOf } from '../support/given-memory-cpi.ts';
import { describeCpi, type CpiUnderTest } from './cpi.contract.ts';

describeCpi('an infrastructure in memory', memoryUnderTest);

async function memoryUnderTest(): Promise<CpiUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'cpi-contract-'));
  const open = () => givenMemoryCpi({ directory, zones: { z: {} }, chance: systemChance });
  let cpi = await open();
  return {
    cpi: () => cpi,
    holdings: async () => holdingsOf(cpi),
    failOnce: async (method, when) => cpi.faults.failOnce(method, when),
    fillUp: async () => cpi.limitZone('z', { vmsMax: cpi.inventory().vms.length }),
    restart: async () => {
      await cpi.close();
      cpi = await open();
    },
    networks: (n) => ({ a: { type: 'manual', ip: `10.0.${n >> 8}.${n & 255}`, netmask: '255.255.0.0' } }),
    findsLostVms: true,
    close: async () => {
      await cpi.close();
      await rm(directory, { recursive: true });
    },
  };
}
