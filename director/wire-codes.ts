import { OperatorError } from '../common/errors.ts';

/**
 * What clients match on: the numbers and HTTP statuses that a BOSH director gives for its errors, by our code.
 * Source: cloudfoundry/bosh, errors.rb. A code that is not here is 100, "director error", as BOSH's uncategorised ones.
 */
const numbers: Readonly<Record<string, number>> = {
  'task-not-found': 10000,
  'task-cancelled': 10001,
  'task-unexpected-state': 10002,

  'release-invalid-archive': 30002,
  'release-manifest-not-found': 30003,
  'release-not-found': 30005,
  'release-version-not-found': 30006,
  'release-in-use': 30007,
  'release-version-in-use': 30008,
  'release-version-invalid': 30010,
  'release-not-matching-manifest': 30011,
  'release-package-fingerprint-mismatch': 30012,
  'release-job-fingerprint-mismatch': 30013,
  'release-commit-hash-mismatch': 30014,
  'release-digest-mismatch': 30015,
  'release-dependency-key-mismatch': 30016,

  'field-invalid-type': 40000,
  'field-missing': 40001,
  'cloud-config-missing': 40001, // as BOSH says of `networks`, the first thing that it misses
  'field-invalid-value': 40005,

  'stemcell-invalid-archive': 50000,
  'stemcell-image-not-found': 50001,
  'stemcell-not-found': 50003,
  'stemcell-in-use': 50004,
  'stemcell-digest-mismatch': 50007,
  'stemcell-not-supported': 50008,

  'package-invalid-archive': 60000,
  'package-missing-source': 60001,
  'package-missing-exported-from': 60003,
  'stemcell-not-in-exported-from': 60004,

  'deployment-not-found': 70000,
  'past-deploy-not-found': 70000,
  'instance-not-found': 70001,
  'instance-invalid-index': 70002,
  'snapshot-not-found': 70008,
  'job-not-found': 70009,
  'context-id-too-long': 70010,

  'job-invalid-archive': 80000,
  'job-manifest-not-found': 80001,
  'job-missing-template': 80002,
  'job-missing-package': 80003,
  'job-missing-monit': 80004,
  'job-invalid-logs': 80005,
  'job-invalid-properties': 80008,
  'job-invalid-links': 80013,
  'job-duplicate-link': 80014,
  'job-invalid-name': 80016,

  'resource-error': 100001,
  'blob-not-found': 100002,

  'deployment-required': 190024,
  'deployment-ignored-instances-modification': 190020,
  'deployment-ignored-instances-deletion': 190021,
  'deployment-invalid-config-reference': 190025,

  'agent-unsupported-action': 400012,
  'resurrection-paused': 410004,

  'manifest-invalid': 440001,
  'config-request-invalid': 440010,
  'config-invalid': 440011,
  'config-not-found': 440012,
  'config-id-unexpected': 440013,

  'agent-exception': 450001,
  'agent-timed-out': 450002,

  'disk-full': 500001,
  'disk-in-use': 520000,
  'attach-disk-instance-not-found': 520001,
  'attach-disk-instance-state': 520003,
  'network-not-found': 16012,
  'network-not-orphaned': 160011,
  'config-server-failed': 540001,
  'variables-missing': 540001,
  'variable-generation-failed': 540005,
  'config-server-disabled': 540009,
  'cpi-not-found': 550001,
  'variables-unusable': 560000,

  'link-not-found': 810000,
  'link-without-address': 810000,
  'link-request-invalid': 810001,
  'link-provider-not-found': 810002,
  'link-network-not-found': 810003,
  'link-not-external': 810005,
  'link-id-required': 810006,
  'link-status-invalid': 810007,
  'link-azs-invalid': 810008,
  'link-provider-not-shared': 810009,

  unauthorized: 600000,
  'yaml-malformed': 710000,
  'json-malformed': 710001,
};

/** Numbers whose status is not 400. */
const statuses: Readonly<Record<number, number>> = {
  10000: 404,
  10001: 200,
  30005: 404,
  30006: 404,
  50003: 404,
  70000: 404,
  70001: 404,
  70009: 404,
  100002: 404,
  440012: 404,
  500001: 507,
  600000: 401,
  810000: 404,
  810009: 403,
};

/** Codes of ours that BOSH has no number for, where 400 would mislead. */
const ownStatuses: Readonly<Record<string, number>> = {
  'body-too-large': 413,
  'not-built-yet': 501,
  'lock-timeout': 409,
  'director-stopping': 503,
};

/** BOSH's number for an error that has none of its own. */
export const uncategorised = 100;

/** The number and the HTTP status by which clients know an error; 100 and 500 for what is a bug of ours. */
export function wireCodeOf(thrown: unknown): { code: number; status: number } {
  if (!(thrown instanceof OperatorError)) return { code: uncategorised, status: 500 };
  const given = thrown.details['boshCode']; // manifest faults know their own
  const code = typeof given === 'number' ? given : (numbers[thrown.code] ?? uncategorised);
  return { code, status: ownStatuses[thrown.code] ?? statuses[code] ?? 400 };
}
