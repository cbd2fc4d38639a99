import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemChance } from '../../common/chance.ts';
import { systemClock } from '../../common/clock.ts';
import type { DiskCid, StemcellCid, VmCid } from '../../common/ids.ts';
import type { CloudProperties, Cpi, Metadata, VmSpec } from '../../cpi/cpi.ts';
import { CpiError } from '../../cpi/errors.ts';
import { MemoryCpi } from '../../cpi/memory/memory-cpi.ts';
import type { Privilege } from '../../cpi/memory/namespace.ts';
import { ProcessHost } from '../../cpi/memory/process-host.ts';

/**
 * A BOSH CPI program whose VMs are process machines with real agents: `node machine-cpi.mjs DIRECTORY AGENT PRIVILEGE`.
 * One process for each call, one at a time over all of them, as the infrastructure is one. A file
 * `DIRECTORY/faults/METHOD.FAULT` makes calls of that method misbehave:
 *   hold-before   waits before its effect for as long as the file is there
 *   hold-after    waits after its effect, before it answers
 *   die           is killed after its effect, before it answers; once
 *   garbage       prints what is in the file instead of its answer; once
 *   hang          never has an effect, nor ends; once
 */
const [directory = '', agent = '', given] = process.argv.slice(2);
const privilege = given as Privilege; // by given-machine-cpi.ts
const request = JSON.parse(await text(process.stdin)) as { method: string; arguments: unknown[] };
const fault = (name: string) => join(directory, 'faults', `${request.method}.${name}`);

async function main(): Promise<void> {
  process.stderr.write(`${request.method} begins\n`);
  await holdWhile(fault('hold-before'));
  if (once('hang') !== undefined) await systemClock.sleep(3_600_000);
  const answer = JSON.stringify(await answered());
  await holdWhile(fault('hold-after'));
  if (once('die') !== undefined) process.kill(process.pid, 'SIGKILL');
  process.stdout.write(once('garbage') ?? answer);
}

async function answered() {
  const release = await lock();
  const memory = await open();
  try {
    const method = methods[request.method];
    if (method === undefined) throw new CpiError('NotImplemented', `there is no ${request.method}`);
    return { result: (await method(memory, ...(request.arguments as never[]))) ?? null, error: null, log: '' };
  } catch (thrown) {
    if (!(thrown instanceof CpiError)) throw thrown;
    const { type, message, retryable } = thrown;
    return { result: null, error: { type: `Bosh::Clouds::${type}`, message, ok_to_retry: retryable }, log: '' };
  } finally {
    await memory.close();
    release();
  }
}

async function open(): Promise<MemoryCpi> {
  const extraPath = dirname(process.execPath);
  const options = ['--machine', 'process', '--extra-path', extraPath, '--settings'];
  const machines = await ProcessHost.open({
    directory: join(directory, 'machines'),
    privilege,
    agentCommand: (settings) => [process.execPath, agent, ...options, settings],
    clock: systemClock,
  });
  return MemoryCpi.open({
    directory,
    machines,
    clock: systemClock,
    chance: systemChance,
    // What a director sends with each VM takes precedence
    agent: { mbus: 'nats://127.0.0.1:1', blobstore: { provider: 'dummy', options: {} }, ntp: [] },
  });
}

/** The methods that a director of ours calls, with their arguments as they are on the wire. */
const methods: Record<string, (cpi: Cpi, ...given: never[]) => Promise<unknown>> = {
  info: async (cpi) => {
    const { stemcellFormats, apiVersion } = await cpi.info();
    return { stemcell_formats: stemcellFormats, api_version: apiVersion };
  },
  create_stemcell: (cpi, imagePath: string, cloudProperties: CloudProperties) =>
    cpi.createStemcell(imagePath, cloudProperties),
  delete_stemcell: (cpi, cid: StemcellCid) => cpi.deleteStemcell(cid),
  create_vm: async (cpi, ...given: VmOnWire) => {
    const [agentId, stemcellCid, cloudProperties, networks, diskCids, env] = given;
    appendFileSync(join(directory, 'asked-for-vms'), `${agentId}\n`);
    const { vmCid } = await cpi.createVm({ agentId, stemcellCid, cloudProperties, networks, diskCids, env });
    return [vmCid, networks];
  },
  delete_vm: (cpi, cid: VmCid) => cpi.deleteVm(cid),
  has_vm: (cpi, cid: VmCid) => cpi.hasVm(cid),
  set_vm_metadata: (cpi, cid: VmCid, metadata: Metadata) => cpi.setVmMetadata(cid, metadata),
  create_disk: (cpi, sizeMib: number, cloudProperties: CloudProperties, nearVm: VmCid | null) =>
    cpi.createDisk(sizeMib, cloudProperties, nearVm),
  delete_disk: (cpi, cid: DiskCid) => cpi.deleteDisk(cid),
  has_disk: (cpi, cid: DiskCid) => cpi.hasDisk(cid),
  attach_disk: (cpi, vmCid: VmCid, diskCid: DiskCid) => cpi.attachDisk(vmCid, diskCid),
  detach_disk: (cpi, vmCid: VmCid, diskCid: DiskCid) => cpi.detachDisk(vmCid, diskCid),
  set_disk_metadata: (cpi, cid: DiskCid, metadata: Metadata) => cpi.setDiskMetadata(cid, metadata),
};

type VmOnWire = [
  VmSpec['agentId'],
  VmSpec['stemcellCid'],
  VmSpec['cloudProperties'],
  VmSpec['networks'],
  VmSpec['diskCids'],
  VmSpec['env'],
];

/** Held by a process that ends with this one, however that ends. */
async function lock(): Promise<() => void> {
  const holder = spawn('flock', [join(directory, 'calls.lock'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('the lock of all calls was not given')));
  });
  return () => holder.stdin.end();
}

/** Who removes the infrastructure lets nothing wait. */
async function holdWhile(path: string): Promise<void> {
  if (!existsSync(path)) return;
  writeFileSync(`${path}.held`, String(process.pid));
  while (existsSync(path)) await systemClock.sleep(20);
}

function once(name: string): string | undefined {
  if (!existsSync(fault(name))) return undefined;
  const content = readFileSync(fault(name), 'utf8');
  rmSync(fault(name));
  return content;
}

await main();
process.exit(0); // machines run on, and nothing here shall wait for them
