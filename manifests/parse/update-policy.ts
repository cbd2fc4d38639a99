import type { ManifestOptions } from '../options.ts';
import { parseAmount, type Amount, type UpdatePolicy, type WatchMs } from '../update-policy.ts';
import { boshCodes, type Section } from './section.ts';

const badWatchTime = 180001;

const keys = [
  'canaries',
  'max_in_flight',
  'canary_watch_time',
  'update_watch_time',
  'serial',
  'vm_strategy',
  'initial_deploy_az_update_strategy',
  'strategy', // of older manifests
];

/**
 * An `update` block. An instance group's inherits key by key; the deployment's must have the first four.
 * Source: update_config.rb.
 * @param inherited the deployment's policy, for an instance group
 */
export function parseUpdatePolicy(section: Section, options: ManifestOptions, inherited?: UpdatePolicy): UpdatePolicy {
  section.knows(keys);
  const needs = <T>(key: string, read: (text: string) => T | undefined, inheritedValue: T | undefined, empty: T): T => {
    if (inheritedValue !== undefined && !section.has(key)) return inheritedValue;
    const text = section.text(key);
    return text === '' ? (inheritedValue ?? empty) : (read(text) ?? empty);
  };
  const none: Amount = { kind: 'count', n: 0 };
  const noTime: WatchMs = { min: 0, max: 0 };
  return {
    canaries:
      override(options.canaries, section) ?? needs('canaries', amount(section, 'canaries'), inherited?.canaries, none),
    maxInFlight:
      override(options.maxInFlight, section) ??
      needs('max_in_flight', amount(section, 'max_in_flight'), inherited?.maxInFlight, none),
    canaryWatchMs: needs('canary_watch_time', watch(section, 'canary_watch_time'), inherited?.canaryWatchMs, noTime),
    updateWatchMs: needs('update_watch_time', watch(section, 'update_watch_time'), inherited?.updateWatchMs, noTime),
    serial: section.boolean('serial', inherited?.serial ?? true),
    vmStrategy: section.choice(
      'vm_strategy',
      ['delete-create', 'create-swap-delete'],
      inherited?.vmStrategy ?? options.defaultVmStrategy ?? 'delete-create',
    ),
    initialDeployAzUpdateStrategy: section.choice(
      'initial_deploy_az_update_strategy',
      ['serial', 'parallel'],
      inherited?.initialDeployAzUpdateStrategy ?? 'serial',
    ),
  };
}

/** The command line's value stands in for the manifest's, which then needn't even be there. */
function override(text: string | undefined, section: Section): Amount | undefined {
  if (text === undefined) return undefined;
  const value = parseAmount(text);
  if (value === undefined) {
    section.fault(null, { message: `"${text}" from the command line is no number and no percentage` });
  }
  return value;
}

function amount(section: Section, key: string): (text: string) => Amount | undefined {
  return (text) => {
    const value = parseAmount(text);
    if (value !== undefined) return value;
    section.fault(key, {
      message: `"${text}" is no number and no percentage`,
      boshCode: boshCodes.notAllowed,
      suggestion: 'write 2 or 20%',
    });
    return undefined;
  };
}

function watch(section: Section, key: string): (text: string) => WatchMs | undefined {
  return (text) => {
    const [, first, second = first] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(text) ?? [];
    const [min, max] = [Number(first), Number(second)];
    if (first !== undefined && min <= max) return { min, max };
    section.fault(key, {
      message: first === undefined ? `"${text}" is no time in milliseconds` : `${min} is more than ${max}`,
      boshCode: badWatchTime,
      suggestion: 'write 30000 or 1000-30000',
    });
    return undefined;
  };
}
