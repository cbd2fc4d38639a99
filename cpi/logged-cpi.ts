import type { Chance } from '../common/chance.ts';
import type { Clock } from '../common/clock.ts';
import { messageOf } from '../common/errors.ts';
import { CallLog, requestIdFrom } from './call-log.ts';
import type { Cpi } from './cpi.ts';
import { CpiError } from './errors.ts';
import { redacted, redactedResult } from './executable/redact.ts';
import type { WireMethod } from './executable/wire.ts';

type Wire = { [M in keyof Cpi]: [method: WireMethod, given: (...args: Parameters<Cpi[M]>) => unknown[]] };

/** Each call as BOSH's wire has it. */
const wire: Wire = {
  info: ['info', () => []],
  createStemcell: ['create_stemcell', (imagePath, cloudProperties) => [imagePath, cloudProperties]],
  deleteStemcell: ['delete_stemcell', (cid) => [cid]],
  createVm: [
    'create_vm',
    ({ agentId, stemcellCid, cloudProperties, networks, diskCids, env }) => [
      agentId,
      stemcellCid,
      cloudProperties,
      networks,
      diskCids,
      env,
    ],
  ],
  deleteVm: ['delete_vm', (vmCid) => [vmCid]],
  hasVm: ['has_vm', (vmCid) => [vmCid]],
  rebootVm: ['reboot_vm', (vmCid) => [vmCid]],
  setVmMetadata: ['set_vm_metadata', (vmCid, metadata) => [vmCid, metadata]],
  calculateVmCloudProperties: [
    'calculate_vm_cloud_properties',
    ({ cpu, ramMib, ephemeralDiskMib }) => [{ cpu, ram: ramMib, ephemeral_disk_size: ephemeralDiskMib }],
  ],
  createDisk: ['create_disk', (sizeMib, cloudProperties, nearVm) => [sizeMib, cloudProperties, nearVm]],
  deleteDisk: ['delete_disk', (diskCid) => [diskCid]],
  hasDisk: ['has_disk', (diskCid) => [diskCid]],
  attachDisk: ['attach_disk', (vmCid, diskCid) => [vmCid, diskCid]],
  detachDisk: ['detach_disk', (vmCid, diskCid) => [vmCid, diskCid]],
  resizeDisk: ['resize_disk', (diskCid, sizeMib) => [diskCid, sizeMib]],
  updateDisk: ['update_disk', (diskCid, sizeMib, cloudProperties) => [diskCid, sizeMib, cloudProperties]],
  setDiskMetadata: ['set_disk_metadata', (diskCid, metadata) => [diskCid, metadata]],
  getDisks: ['get_disks', (vmCid) => [vmCid]],
  snapshotDisk: ['snapshot_disk', (diskCid, metadata) => [diskCid, metadata]],
  deleteSnapshot: ['delete_snapshot', (cid) => [cid]],
  createNetwork: [
    'create_network',
    ({ type, range, gateway, netmaskBits, cloudProperties }) => [
      { type, range, gateway, netmask_bits: netmaskBits, cloud_properties: cloudProperties },
    ],
  ],
  deleteNetwork: ['delete_network', (cid) => [cid]],
};

/** A CPI in this process whose calls and answers are written down as those of a CPI program are. */
export function loggedCpi(
  cpi: Cpi,
  { kind, clock, chance, write }: { kind: string; clock: Clock; chance: Chance; write: (text: string) => void },
): Cpi {
  const log = new CallLog(kind, clock, write);
  const around = (name: keyof Cpi) => {
    // One signature for all methods: the table has each one's arguments, and they are handed on as they came.
    const [method, given] = wire[name] as [WireMethod, (...args: unknown[]) => unknown[]];
    const call = cpi[name].bind(cpi) as (...args: unknown[]) => Promise<unknown>;
    return async (...args: unknown[]): Promise<unknown> => {
      const requestId = requestIdFrom(chance);
      const request = { method, arguments: given(...args), context: { request_id: requestId }, api_version: 2 };
      log.asked(requestId, redacted(request, []));
      try {
        const result = await call(...args);
        log.answered(requestId, { result: redactedResult(method, result ?? null), error: null, log: '' });
        return result;
      } catch (thrown) {
        if (!(thrown instanceof CpiError)) log.ended(requestId, messageOf(thrown));
        else log.answered(requestId, { result: null, error: errorOnWire(thrown), log: '' });
        throw thrown;
      }
    };
  };
  // Every method of the interface is in the table, and each is wrapped in its own signature.
  return Object.fromEntries(Object.keys(wire).map((name) => [name, around(name as keyof Cpi)])) as unknown as Cpi;
}

function errorOnWire({ type, message, retryable }: CpiError): Record<string, unknown> {
  return { type: `Bosh::Clouds::${type}`, message, ok_to_retry: retryable };
}
