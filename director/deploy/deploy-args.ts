import { OperatorError } from '../../common/errors.ts';
import type { DeployOptions, StateWish } from '../plan/wanted.ts';

/** What an `update_deployment` task is given: the API makes it, JSON in the task's row. */
export interface UpdateDeploymentArgs {
  manifest: string;
  /** Pinned when the task was made: a config uploaded meanwhile is for the next deploy. */
  cloud_config_ids: number[];
  runtime_config_ids: number[];
  dry_run?: boolean;
  recreate?: boolean;
  recreate_persistent_disks?: boolean;
  /** RFC 3339. */
  recreate_vms_created_before?: string;
  fix?: boolean;
  /** `*`, or group names. */
  skip_drain?: string;
  canaries?: string;
  max_in_flight?: string;
  /** From `bosh start, stop, restart, recreate`. */
  states?: StateWish[];
}

export interface DeleteDeploymentArgs {
  force?: boolean;
}

export function deployOptions(args: UpdateDeploymentArgs): DeployOptions {
  return {
    dryRun: args.dry_run ?? false,
    recreate: args.recreate ?? false,
    recreateCreatedBeforeMs:
      args.recreate_vms_created_before === undefined ? null : timeOf(args.recreate_vms_created_before),
    recreatePersistentDisks: args.recreate_persistent_disks ?? false,
    fix: args.fix ?? false,
    skipDrain: args.skip_drain === '*' ? 'all' : (args.skip_drain ?? '').split(',').filter((name) => name !== ''),
    canaries: args.canaries ?? null,
    maxInFlight: args.max_in_flight ?? null,
    states: args.states ?? [],
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
