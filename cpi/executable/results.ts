import { id, type DiskCid, type NetworkCid, type SnapshotCid, type StemcellCid, type VmCid } from '../../common/ids.ts';
import type { CloudProperties, CpiInfo, DiskHint, ManagedNetwork } from '../cpi.ts';
import { CpiError } from '../errors.ts';
import type { Result } from './caller.ts';
import { inCall, isObject, noAnswer } from './wire.ts';

// Each takes the result of a call and gives what it means.
// @throws CpiOutcomeUnknown, or CpiError where nothing can have changed, when it is not of the shape it must have

export function info(answer: Result): CpiInfo {
  const { result } = answer;
  const version = isObject(result) ? result['api_version'] : undefined;
  if (!isObject(result) || version === undefined) {
    throw new CpiError('NotSupported', 'info: the CPI names no api_version', {
      hint: 'It speaks version 1 of the CPI protocol; version 2 is needed. Use a newer release of this CPI.',
    });
  }
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) throw wrong(answer, 'a whole api_version');
  const formats = result['stemcell_formats'] ?? []; // none named: only the stemcells made for it by name will fit
  if (!Array.isArray(formats) || !formats.every(isText)) throw wrong(answer, 'a list of stemcell_formats');
  return { stemcellFormats: formats, apiVersion: version };
}

export function cid<T extends StemcellCid | DiskCid | SnapshotCid>(answer: Result): T {
  if (!isText(answer.result)) throw wrong(answer, 'a cid');
  return id<T>(answer.result);
}

export function cids<T extends DiskCid>(answer: Result): T[] {
  if (!Array.isArray(answer.result) || !answer.result.every(isText)) throw wrong(answer, 'a list of cids');
  return answer.result.map((text) => id<T>(text));
}

/** `[cid, networks]`; some CPIs answer the bare cid of version 1 to every version. */
export function vm(answer: Result): VmCid {
  const { result } = answer;
  const text: unknown = Array.isArray(result) ? result[0] : result;
  if (!isText(text)) throw wrong(answer, 'the cid of a VM');
  return id<VmCid>(text);
}

export function flag(answer: Result): boolean {
  if (typeof answer.result !== 'boolean') throw wrong(answer, 'true or false');
  return answer.result;
}

export function properties(answer: Result): CloudProperties {
  if (!isObject(answer.result)) throw wrong(answer, 'cloud properties');
  return answer.result;
}

/** The disk is attached then, but nobody could tell the agent where: the same call again tells no more. */
export function diskHint(answer: Result): DiskHint {
  const { result } = answer;
  if (isText(result)) return result;
  if (isObject(result) && Object.keys(result).length > 0) return result;
  throw new CpiError('CpiError', `the CPI gives no disk hint, ${inCall(answer.call)}`, {
    hint: 'It speaks version 1 of the CPI protocol in this call; version 2 is needed. Use a newer release of this CPI.',
    details: { ...answer.call },
  });
}

/** `[cid, {range, gateway, reserved}, cloud_properties]`. */
export function network(answer: Result): ManagedNetwork {
  const { result } = answer;
  if (!Array.isArray(result)) throw wrong(answer, 'a network');
  const [text, addresses, cloudProperties] = result as unknown[];
  if (!isText(text) || !isObject(addresses) || !isObject(cloudProperties)) throw wrong(answer, 'a network');
  const { range, gateway, reserved = [] } = addresses;
  if (!isText(range) || !isText(gateway)) throw wrong(answer, 'a network with a range and a gateway');
  if (!Array.isArray(reserved) || !reserved.every(isText)) throw wrong(answer, 'a list of reserved addresses');
  return { cid: id<NetworkCid>(text), range, gateway, reserved, cloudProperties };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function wrong({ result, call, details }: Result, wanted: string): Error {
  const text = JSON.stringify(result) ?? 'nothing';
  return noAnswer(call, `is not ${wanted}: ${text.slice(0, 500)}`, undefined, details);
}
