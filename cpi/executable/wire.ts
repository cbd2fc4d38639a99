import { CpiError, CpiOutcomeUnknown, cpiErrorTypes, type CpiErrorType } from '../errors.ts';

/**
 * What passes between a director and a CPI program: one JSON document each way.
 * Source: https://bosh.io/docs/cpi-api-rpc/, bosh-director's external_cpi.
 */
export interface WireRequest {
  method: WireMethod;
  arguments: unknown[];
  context: Record<string, unknown>;
  /** Absent on the `info` that asks which versions there are. */
  api_version?: number;
}

export interface WireAnswer {
  result: unknown;
  error: { type: string; message: string; ok_to_retry: boolean } | null;
  /** For the task's cpi log, after what the program wrote to its standard error. */
  log: string;
}

/** Which call this was, for messages. */
export interface CallName {
  method: WireMethod;
  requestId: string;
}

/** Milliseconds that a method may take before its program is stopped; far above what any infrastructure needs. */
export const timeLimitsMs = {
  info: 60_000,
  create_stemcell: 6 * 3_600_000,
  delete_stemcell: 3_600_000,
  create_vm: 2 * 3_600_000,
  delete_vm: 3_600_000,
  has_vm: 600_000,
  reboot_vm: 3_600_000,
  set_vm_metadata: 600_000,
  calculate_vm_cloud_properties: 600_000,
  create_disk: 3_600_000,
  delete_disk: 3_600_000,
  has_disk: 600_000,
  attach_disk: 3_600_000,
  detach_disk: 3_600_000,
  resize_disk: 3_600_000,
  update_disk: 6 * 3_600_000,
  set_disk_metadata: 600_000,
  get_disks: 600_000,
  snapshot_disk: 6 * 3_600_000,
  delete_snapshot: 3_600_000,
  create_network: 3_600_000,
  delete_network: 3_600_000,
} as const;

export type WireMethod = keyof typeof timeLimitsMs;

/** They change nothing, so an answer that is none leaves nothing unknown. */
const harmless: ReadonlySet<WireMethod> = new Set([
  'info',
  'has_vm',
  'has_disk',
  'get_disks',
  'calculate_vm_cloud_properties',
]);

/** Their answer names a new thing, which nobody could find without it. */
export const creating: ReadonlySet<WireMethod> = new Set([
  'create_stemcell',
  'create_vm',
  'create_disk',
  'update_disk',
  'snapshot_disk',
  'create_network',
]);

/** Calls under a name of ours: the same name finds the same end, again and again. */
const named: ReadonlySet<WireMethod> = new Set(['create_vm', 'create_disk', 'update_disk', 'snapshot_disk']);

/** Of an answer that is none, in the error's message. */
const shownCharsMax = 500;

/**
 * @param of.failure how the program ended, if not well: part of why its answer is none
 * @throws CpiOutcomeUnknown, or CpiError where nothing can have changed, for a text that is no answer
 */
export function parseAnswer(
  text: string,
  call: CallName,
  { details = {}, failure }: { details?: Record<string, unknown>; failure?: string } = {},
): WireAnswer {
  const none = (why: string, cause?: unknown) =>
    noAnswer(call, failure === undefined ? why : `${why}; the program ${failure}`, cause, details);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    throw none(`is no JSON: ${shown(text)}`, thrown);
  }
  if (!isObject(parsed)) throw none(`is no object: ${shown(text)}`);
  const missing = ['result', 'error', 'log'].filter((key) => !Object.hasOwn(parsed, key));
  if (missing.length > 0) throw none(`lacks ${missing.join(' and ')}: ${shown(text)}`);
  const { result, error, log } = parsed;
  if (typeof log !== 'string') throw none(`has a log that is no text: ${shown(text)}`);
  if (error === null) return { result, error, log };
  if (!isObject(error)) throw none(`has an error that is no object: ${shown(text)}`);
  const { type, message, ok_to_retry } = error;
  if (typeof type !== 'string' || typeof message !== 'string' || typeof ok_to_retry !== 'boolean') {
    throw none(`has an error without a type, message and ok_to_retry: ${shown(text)}`);
  }
  return { result, error: { type, message, ok_to_retry }, log };
}

const lostHint =
  'It may have been made. Look for it on the infrastructure and delete it there; running the task again makes another.';

/**
 * Where the outcome may be a new or a changed thing, that is what the error says.
 * @param why what is wrong with it: `is no JSON: …`
 */
export function noAnswer(call: CallName, why: string, cause?: unknown, details: Record<string, unknown> = {}): Error {
  const message = `Invalid CPI response: it ${why}, ${inCall(call)}`;
  const all = { ...details, method: call.method, requestId: call.requestId };
  if (harmless.has(call.method)) return new CpiError('CpiError', message, { okToRetry: true, cause, details: all });
  const lost = creating.has(call.method) && !named.has(call.method) ? { hint: lostHint } : {};
  return new CpiOutcomeUnknown(message, { cause, details: all, final: named.has(call.method), ...lost });
}

const retriable: ReadonlySet<CpiErrorType> = new Set([
  'NoDiskSpace',
  'DiskNotAttached',
  'DiskNotFound',
  'VMCreationFailed',
]);

/**
 * The error that a program answered, as ours, in the words that scripts know from BOSH. A type that BOSH doesn't know is
 * `CpiError`. Source: handle_error of bosh-director's external_cpi.
 */
export function errorOf(error: NonNullable<WireAnswer['error']>, call: CallName): CpiError {
  const type = typeOf(error);
  const known = type !== 'CpiError' || error.type === 'Bosh::Clouds::CpiError';
  const message = `${known ? '' : 'Unknown '}CPI error '${error.type}' with message '${error.message}' ${inCall(call)}`;
  return new CpiError(type, message, {
    okToRetry: retriable.has(type) && error.ok_to_retry,
    details: { method: call.method, requestId: call.requestId, type: error.type },
  });
}

/** The end of every message about a call, which is how its lines in the task's cpi output are found. */
export function inCall({ method, requestId }: CallName): string {
  return `in '${method}' CPI method (CPI request ID: '${requestId}')`;
}

function typeOf({ type, message }: NonNullable<WireAnswer['error']>): CpiErrorType {
  // Two ways in which CPI libraries say that they don't have a method, older than NotImplemented
  if (type === 'InvalidCall' && message.startsWith('Method is not known')) return 'NotImplemented';
  if (type === 'Bosh::Clouds::CloudError' && message.startsWith('Invalid Method:')) return 'NotImplemented';
  return cpiErrorTypes.find((known) => type === `Bosh::Clouds::${known}`) ?? 'CpiError';
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(text: string): string {
  const start = text.slice(0, shownCharsMax).trim();
  if (start === '') return 'nothing at all';
  return text.length > shownCharsMax ? `${start}… (${text.length} characters)` : start;
}
