// A BOSH CPI program, well-behaved unless told otherwise: its infrastructure is a JSON file in the directory that is
// its only argument. A file `<directory>/faults/<method>.<fault>` makes one call of that method misbehave:
//   refuse        answers an error, before the effect
//   die           ends without an answer, after the effect
//   die-first     ends without an answer, before the effect
//   garbage       answers something else than it should (the content of the file), after the effect
//   hang          never ends
//   slow          takes as many milliseconds as the file says, before the effect
// `<directory>/vms-max` limits the VMs, `<directory>/info` is what it answers to info.
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

const [, , directory] = process.argv;
const request = JSON.parse(readFileSync(0, 'utf8'));
const { method } = request;

class Refusal extends Error {
  constructor(type, message, retry = false) {
    super(message);
    this.answer = { type, message, ok_to_retry: retry };
  }
}
const refuse = (type, message, retry) => {
  throw new Refusal(`Bosh::Clouds::${type}`, message, retry);
};

process.stderr.write(`${method} begins: ${request.context.request_id}\n`);
const slow = fault('slow');
if (slow !== undefined) wait(Number(slow));
if (fault('hang') !== undefined) wait(3_600_000);
if (fault('die-first') !== undefined) process.kill(process.pid, 'SIGKILL');
const refusal = fault('refuse');

let result = null;
let error = null;
try {
  if (refusal !== undefined) refuse('CloudError', refusal || 'refused, as told');
  result = method === 'info' ? info() : withInfrastructure((all) => effect(all, ...request.arguments));
} catch (thrown) {
  if (!(thrown instanceof Refusal)) throw thrown;
  error = thrown.answer;
}
if (fault('die') !== undefined) process.kill(process.pid, 'SIGKILL');
process.stdout.write(fault('garbage') ?? JSON.stringify({ result: result ?? null, error, log: `${method} ends\n` }));

function info() {
  try {
    return JSON.parse(readFileSync(join(directory, 'info'), 'utf8'));
  } catch {
    return { stemcell_formats: ['file'], api_version: 2 };
  }
}

function effect(all, ...given) {
  const vm = (cid) => all.vms[cid] ?? refuse('VMNotFound', `VM ${cid} not found`);
  const disk = (cid) => all.disks[cid] ?? refuse('DiskNotFound', `disk ${cid} not found`);
  const detached = (cid) => (disk(cid).vm === null ? disk(cid) : refuse('CloudError', `disk ${cid} is attached`));
  const grown = (cid, sizeMib) => {
    if (detached(cid).sizeMib > sizeMib) refuse('NotSupported', `disk ${cid} can't shrink`);
    disk(cid).sizeMib = sizeMib;
  };
  const named = (kind, value) => {
    const cid = `${kind}-${randomUUID()}`;
    all[`${kind}s`][cid] = value;
    return cid;
  };
  const [first, second, third] = given;
  switch (method) {
    case 'create_stemcell':
      try {
        readFileSync(first);
      } catch {
        refuse('CloudError', `no image at ${first}`);
      }
      return named('stemcell', { properties: second });
    case 'delete_stemcell':
      delete all.stemcells[first];
      return null;
    case 'create_vm': {
      if (all.stemcells[second] === undefined) refuse('VMCreationFailed', `no stemcell ${second}`);
      given[4].forEach(disk);
      if (Object.keys(all.vms).length >= vmsMax()) refuse('VMCreationFailed', 'no capacity', true);
      return [named('vm', { agentId: first, context: request.context, env: given[5] }), given[3]];
    }
    case 'delete_vm':
      vm(first);
      for (const attached of Object.values(all.disks)) if (attached.vm === first) attached.vm = null;
      delete all.vms[first];
      return null;
    case 'has_vm':
      return all.vms[first] !== undefined;
    case 'reboot_vm':
      vm(first);
      return null;
    case 'set_vm_metadata':
      vm(first).metadata = second;
      return null;
    case 'calculate_vm_cloud_properties':
      return { sizes: first };
    case 'create_disk':
      if (third !== null) vm(third);
      return named('disk', { sizeMib: first, vm: null });
    case 'delete_disk':
      detached(first);
      delete all.disks[first];
      return null;
    case 'has_disk':
      return all.disks[first] !== undefined;
    case 'attach_disk':
      vm(first);
      if (disk(second).vm !== null && disk(second).vm !== first) refuse('CloudError', `disk ${second} is elsewhere`);
      disk(second).vm = first;
      return { path: `/dev/disk/by-id/${second}` };
    case 'detach_disk':
      vm(first);
      if (disk(second).vm !== first) refuse('DiskNotAttached', `disk ${second} is not attached to ${first}`);
      disk(second).vm = null;
      return null;
    case 'resize_disk':
      return grown(first, second);
    case 'update_disk':
      return grown(first, second);
    case 'set_disk_metadata':
      disk(first).metadata = second;
      return null;
    case 'get_disks':
      vm(first);
      return Object.entries(all.disks).flatMap(([cid, held]) => (held.vm === first ? [cid] : []));
    case 'snapshot_disk':
      disk(first);
      return named('snapshot', { disk: first });
    case 'delete_snapshot':
      delete all.snapshots[first];
      return null;
    case 'create_network': {
      const { range, gateway, cloud_properties: properties } = first;
      return [named('network', {}), { range, gateway, reserved: [] }, properties];
    }
    case 'delete_network':
      if (all.networks[first] === undefined) refuse('NetworkNotFound', `network ${first} not found`);
      delete all.networks[first];
      return null;
    default:
      throw new Refusal('InvalidCall', `Method is not known, got '${method}'`);
  }
}

function vmsMax() {
  try {
    return Number(readFileSync(join(directory, 'vms-max'), 'utf8'));
  } catch {
    return Infinity;
  }
}

/** The content of the fault's file, which is used up by it. Whoever removes it has it. */
function fault(name) {
  const path = join(directory, 'faults', `${method}.${name}`);
  try {
    const content = readFileSync(path, 'utf8');
    rmSync(path);
    return content;
  } catch {
    return undefined;
  }
}

/** One at a time, over all processes. */
function withInfrastructure(work) {
  const [lock, path] = [join(directory, 'lock'), join(directory, 'infrastructure.json')];
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error; // the infrastructure is gone
      wait(2);
    }
  }
  try {
    const all = JSON.parse(readFileSync(path, 'utf8'));
    const answer = work(all);
    writeFileSync(`${path}.new`, JSON.stringify(all));
    renameSync(`${path}.new`, path);
    return answer;
  } finally {
    rmdirSync(lock);
  }
}

function wait(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
