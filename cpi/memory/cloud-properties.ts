import { didYouMean } from '../../common/suggest.ts';
import type { Fault } from '../../common/errors.ts';
import { describeFaults } from '../../common/errors.ts';
import type { CloudProperties } from '../cpi.ts';
import { CpiError, type CpiErrorType } from '../errors.ts';

/** What the memory infrastructure understands in the cloud config. */
export const cloudPropertyKeys = {
  /** Of vm types, vm extensions and availability zones: all arrive merged. MiB, as `vm_resources` has them. */
  vm: { zone: 'string', cpu: 'count', ram: 'count', ephemeral_disk_size: 'count' },
  /** Of disk types. `zone` is taken from the VM nearby when absent. */
  disk: { zone: 'string', type: 'string' },
  /** Of subnets. `network` is the cid of a managed network. */
  network: { name: 'string', network: 'string' },
} as const;

type Shape = Readonly<Record<string, 'string' | 'count'>>;

/**
 * What to do with a cloud property that means nothing here. `accept` rehearses the cloud config of another
 * infrastructure; its sizes and zones then mean nothing either.
 */
export type UnknownProperties = 'refuse' | 'accept';

/** Refuses what is unknown or of the wrong type, all at once. */
export function checkCloudProperties(
  given: CloudProperties,
  shape: Shape,
  at: { what: string; error: CpiErrorType; unknown: UnknownProperties },
): void {
  const faults = Object.entries(given).flatMap(([key, value]): Fault[] => {
    const type = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (type === undefined) return at.unknown === 'accept' ? [] : [unknownKey(key, shape)];
    if (type === 'string' && typeof value !== 'string') return [{ path: key, message: `not a text: ${show(value)}` }];
    if (type === 'count' && !isCount(value)) {
      return [{ path: key, message: `not a whole number above 0: ${show(value)}` }];
    }
    return [];
  });
  if (faults.length === 0) return;
  throw new CpiError(at.error, `cloud properties of ${at.what}: ${describeFaults(faults)}`, {
    hint: `The memory infrastructure knows ${Object.keys(shape).join(', ')}. Correct the cloud config and deploy again.`,
    details: { faults },
  });
}

export function textProperty(given: CloudProperties, key: string): string | null {
  const value = given[key];
  return typeof value === 'string' ? value : null;
}

export function countProperty(given: CloudProperties, key: string, otherwise: number): number {
  const value = given[key];
  return isCount(value) ? value : otherwise;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function unknownKey(key: string, shape: Shape): Fault {
  return { path: key, message: 'unknown to the memory infrastructure', ...didYouMean(key, Object.keys(shape)) };
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 100);
}
