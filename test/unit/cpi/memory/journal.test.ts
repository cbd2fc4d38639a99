import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noMachines, type Machine, type MachineHost } from '../../../../cpi/memory/machine-host.ts';
import { givenMemoryCpi, givenStemcell, vmSpec } from '../../../support/given-memory-cpi.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'memory-cpi-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('after a restart everything is there, and the machines are adopted with their disks', async () => {
  const first = await givenMemoryCpi({ directory });
  const stemcell = await givenStemcell(first);
  const networks = { a: { type: 'manual', ip: '10.0.0.4' } } as const;
  const spec = vmSpec(stemcell, { networks });
  const { vmCid } = await first.createVm(spec);
  const gone = await first.createVm(vmSpec(stemcell));
  const disk = await first.createDisk(1024, { type: 'fast' }, vmCid);
  const hint = await first.attachDisk(vmCid, disk);
  await first.snapshotDisk(disk, { index: '0' });
  await first.createNetwork({ type: 'manual', cloudProperties: {} });
  await first.setVmMetadata(vmCid, { job: 'web' });
  await first.deleteVm(gone.vmCid);
  const before = first.inventory();
  await first.close();

  const adopted: Machine[] = [];
  const machines: MachineHost = { ...noMachines, adopt: async (machine) => void adopted.push(machine) };
  const second = await givenMemoryCpi({ directory, machines });
  expect(second.inventory()).toEqual(before);
  expect(adopted).toMatchObject([
    { vmCid, settings: { agent_id: spec.agentId, networks, disks: { persistent: { [disk]: hint } } } },
  ]);
  expect(await second.createVm(spec)).toEqual({ vmCid });
  await expect(second.createVm(vmSpec(stemcell, { networks }))).rejects.toThrow(/in use/);
  await second.close();
});

test('a line that a kill cut off is forgotten: its call was never answered', async () => {
  const first = await givenMemoryCpi({ directory });
  await givenStemcell(first);
  const before = first.inventory();
  await first.close();
  await appendFile(join(directory, 'journal.jsonl'), '{"put":"vms","value":{"cid":"vm-1","agen');

  const second = await givenMemoryCpi({ directory });
  expect(second.inventory()).toEqual(before);
  await givenStemcell(second); // and what is appended after it can be read
  await second.close();
  const third = await givenMemoryCpi({ directory });
  expect(third.inventory().stemcells).toHaveLength(2);
  await third.close();
});

test('damage in the middle is an error that names the line', async () => {
  const first = await givenMemoryCpi({ directory });
  await givenStemcell(first);
  await first.close();
  const path = join(directory, 'journal.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('{"put"', '{put') + '{}\n');
  await expect(givenMemoryCpi({ directory })).rejects.toMatchObject({
    code: 'memory-journal-damaged',
    details: { line: 2 },
  });
});

test('two directors do not share a directory', async () => {
  const first = await givenMemoryCpi({ directory });
  await expect(givenMemoryCpi({ directory })).rejects.toMatchObject({ code: 'memory-infrastructure-in-use' });
  await first.close();
  await writeFile(join(directory, 'owner.json'), JSON.stringify({ pid: process.pid, startedAt: '1' })); // long dead
  await (await givenMemoryCpi({ directory })).close();
});

test('the journal holds credentials, so nobody else may read it', async () => {
  const cpi = await givenMemoryCpi({ directory });
  await givenStemcell(cpi);
  await cpi.close();
  expect((await stat(join(directory, 'journal.jsonl'))).mode & 0o077).toBe(0);
});

test('history is dropped while changes go on, and none is lost', async () => {
  const cpi = await givenMemoryCpi({ directory });
  const stemcell = await givenStemcell(cpi);
  const vms = await Promise.all(Array.from({ length: 20 }, () => cpi.createVm(vmSpec(stemcell))));
  const path = join(directory, 'journal.jsonl');
  let largest = 0;
  for (let round = 0; round < 60; round++) {
    await Promise.all(
      Array.from({ length: 25 }).flatMap((_, i) =>
        vms.map(({ vmCid }) => cpi.setVmMetadata(vmCid, { at: `${round}.${i}` })),
      ),
    );
    largest = Math.max(largest, (await stat(path)).size);
  }
  const before = cpi.inventory();
  await cpi.close();
  expect((await stat(path)).size).toBeLessThan(largest);
  const again = await givenMemoryCpi({ directory });
  expect(again.inventory()).toEqual(before);
  await again.close();
});
