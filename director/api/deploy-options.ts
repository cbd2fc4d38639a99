import type { Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { DeployOptions } from './deploy-args.ts';
import { queryFlag, queryText } from './http/query.ts';

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[-+]\d{2}:\d{2})$/;

/** The flags of `bosh deploy`, from its query. @throws OperatorError `field-invalid-value` */
export function deployOptionsOf(req: Request, scopes: readonly string[]): DeployOptions {
  const recreate = queryFlag(req, 'recreate');
  return {
    dryRun: queryFlag(req, 'dry_run'),
    recreate,
    recreatePersistentDisks: queryFlag(req, 'recreate_persistent_disks'),
    recreateVmsCreatedBefore: createdBefore(req, recreate, 'recreate=true'),
    fix: queryFlag(req, 'fix'),
    skipDrain: queryText(req, 'skip_drain') ?? null,
    canaries: queryText(req, 'canaries') ?? null,
    maxInFlight: queryText(req, 'max_in_flight') ?? null,
    forceLatestVariables: queryFlag(req, 'force_latest_variables'),
    scopes,
  };
}

/** The flags of `bosh start|stop|restart|recreate` of a group. @throws OperatorError `field-invalid-value` */
export function stateOptionsOf(req: Request, group: string, scopes: readonly string[]): DeployOptions {
  const isRecreate = queryText(req, 'state') === 'recreate';
  return {
    ...deployOptionsOf(req, scopes),
    recreate: false,
    recreatePersistentDisks: false,
    forceLatestVariables: false,
    skipDrain: queryFlag(req, 'skip_drain') ? group : null,
    recreateVmsCreatedBefore: createdBefore(req, isRecreate, 'state=recreate'),
  };
}

function createdBefore(req: Request, recreates: boolean, needs: string): string | null {
  const text = queryText(req, 'recreate_vms_created_before');
  if (text === undefined) return null;
  if (!recreates) {
    throw invalid(`Must pass ${needs} when specifying recreate_vms_created_before`);
  }
  if (!rfc3339.test(text) || Number.isNaN(Date.parse(text))) {
    throw invalid(`Invalid RFC 3339 timestamp for recreate_vms_created_before: ${text}`);
  }
  return text;
}

const invalid = (message: string) => new OperatorError(message, { code: 'field-invalid-value' });
