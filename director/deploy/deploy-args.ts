import { OperatorError } from '../../common/errors.ts';
import type { UpdateDeploymentArgs } from '../api/deploy-args.ts';
import type { DeployOptions } from '../plan/wanted.ts';

/** The flags of a deploy, as planning understands them. */
export function deployOptions(
  { options, stateChanges }: UpdateDeploymentArgs,
  { disksInPlace, snapshots }: Pick<DeployOptions, 'disksInPlace' | 'snapshots'>,
): DeployOptions {
  const { recreateVmsCreatedBefore: before, skipDrain } = options;
  return {
    dryRun: options.dryRun,
    recreate: options.recreate,
    recreateCreatedBeforeMs: before === null ? null : timeOf(before),
    recreatePersistentDisks: options.recreatePersistentDisks,
    disksInPlace,
    snapshots,
    fix: options.fix,
    skipDrain: skipDrain === '*' ? 'all' : (skipDrain ?? '').split(',').filter((name) => name !== ''),
    canaries: options.canaries,
    maxInFlight: options.maxInFlight,
    states: stateChanges.map(({ group, index, state }) => ({
      group: group === '*' ? null : group,
      instance: index === null ? null : String(index),
      state,
    })),
  };
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new OperatorError(`"${text}" is not a time`, {
    code: 'time-malformed',
    hint: 'Write it as RFC 3339: 2030-01-31T12:00:00Z.',
    details: { boshCode: 40005 },
  });
}
