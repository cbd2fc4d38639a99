import { OperatorError } from '../../common/errors.ts';
import type { Lease } from './lease.ts';

/** Another worker has the task now, or nobody: whoever sees this stops at once and writes nothing. */
export class LeaseLost extends OperatorError {
  constructor(lease: Lease) {
    super(`task ${lease.taskId}: ${lease.owner} does not hold it any more`, {
      code: 'lease-lost',
      hint: 'Nothing is to be done: the worker that holds the task now goes on with it.',
      details: { ...lease },
    });
  }
}

/** The director's own records can't be read or written: that says nothing of the world, and nobody goes on past it. */
export function isStoreTrouble({ code }: OperatorError): boolean {
  return code === 'lease-lost' || code === 'disk-full' || code.startsWith('database-');
}

export interface HeldAddress {
  address: string;
  network: string;
  instanceId: string;
  deployment: string;
  group: string;
}

export class AddressTaken extends OperatorError {
  constructor(wantedBy: string, held: readonly [HeldAddress, ...HeldAddress[]]) {
    const list = held.map((one) => `${one.address} by ${one.group}/${one.instanceId} of deployment ${one.deployment}`);
    super(
      `instance ${wantedBy} can't have ${held.length === 1 ? 'its address' : 'its addresses'}: held are ${list.join(', ')}`,
      {
        code: 'address-taken',
        hint: 'Choose other static IPs, or delete what holds these. `bosh instances --all` shows every address.',
        details: { boshCode: 130008, wantedBy, held },
      },
    );
  }
}

export function diskFull(cause: unknown): OperatorError {
  return new OperatorError("the director's database can't be written: its disk is full", {
    code: 'disk-full',
    hint: 'Free some space (`bosh clean-up --all` deletes unused releases once the director can write again), or give it a bigger disk.',
    retryable: true,
    cause,
  });
}

export function databaseReadOnly(cause: unknown): OperatorError {
  return new OperatorError("the director's database can't be written: it is read-only", {
    code: 'database-read-only',
    hint: 'Check who owns the files of the state directory, whether its file system was remounted read-only, or that the PostgreSQL server is no replica.',
    cause,
  });
}

export function databaseUnreachable(cause: unknown): OperatorError {
  return new OperatorError("the director's database can't be reached", {
    code: 'database-unreachable',
    hint: 'Check that the PostgreSQL server of the director config runs and lets the director in.',
    retryable: true,
    cause,
  });
}

export function databaseDamaged(cause: unknown): OperatorError {
  return new OperatorError("the director's database file is damaged or is no database", {
    code: 'database-damaged',
    hint: 'Stop the director, check its disk, and restore the last backup of the state directory.',
    cause,
  });
}

export function databaseIoFailed(cause: unknown): OperatorError {
  return new OperatorError("the director's database can't be read or written: its disk reports an error", {
    code: 'database-io-failed',
    hint: "See the system's log (dmesg) for what the disk said, and whether it has room left for files beside the database.",
    retryable: true,
    cause,
  });
}

export function databaseFlushFailed(cause: unknown): OperatorError {
  return new OperatorError("the director's database could not be brought to its disk, so nothing more is changed", {
    code: 'database-flush-failed',
    hint: "See the system's log (dmesg) for what the disk said; once it is well, restart the director: its tasks go on.",
    cause,
  });
}

export function databaseTooNew(migration: string): OperatorError {
  return new OperatorError(`the database was made by a newer director: it has migration ${migration}, unknown here`, {
    code: 'database-too-new',
    hint: 'Start the newer version again, or restore the backup from before the upgrade.',
    details: { migration },
  });
}

/** Waiting longer than that for the connection means a bug: a transaction that waits for the store outside of it. */
export function databaseBusy(waitedMs: number, cause?: unknown): OperatorError {
  return new OperatorError(`the director's database was busy for ${waitedMs} ms`, {
    code: 'database-busy',
    hint: 'Run it again. If it happens often, the disk is too slow, or more connections are needed (PostgreSQL).',
    details: { waitedMs },
    retryable: true,
    cause,
  });
}
