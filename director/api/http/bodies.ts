import type { Request } from 'express';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { InvalidInput, messageOf, OperatorError, type Fault } from '../../../common/errors.ts';

/** The largest manifests of real platforms are under 2 MiB; release.MF of a compiled cf is under 1 MiB. */
export const documentBytesMax = 32 * 1024 * 1024;

/** The whole body as text. @throws OperatorError `body-too-large` | `body-broken-off` */
export async function readText(req: Request, bytesMax = documentBytesMax): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (thrown) {
    throw thrown instanceof OperatorError ? thrown : brokenOff(bytes, thrown);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * A JSON body that fits the schema. Keys that the schema does not know are let through: clients of other versions
 * send them. @throws OperatorError `json-malformed` | `field-missing` | `field-invalid-type`
 */
export async function readJson<S extends TSchema>(req: Request, schema: S): Promise<Static<S>> {
  const value = parseJson(await readText(req));
  const faults = faultsOf(schema, value);
  if (faults.length === 0) return value as Static<S>; // just checked
  const missing = faults.every((fault) => fault.message === missingField);
  throw new InvalidInput('Request body', faults, { code: missing ? 'field-missing' : 'field-invalid-type' });
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new OperatorError(`Invalid JSON request body: ${messageOf(thrown)}`, { code: 'json-malformed' });
  }
}

const missingField = 'is missing';

/** What keeps a value from fitting a schema; empty: it fits. */
export function faultsOf(schema: TSchema, value: unknown): Fault[] {
  if (Value.Check(schema, value)) return [];
  return Value.Errors(schema, value).flatMap((error): Fault[] => {
    const path = error.instancePath.slice(1).replaceAll('/', '.');
    if (error.keyword !== 'required') return [{ path, message: error.message }];
    const names: unknown = (error.params as { requiredProperties?: unknown }).requiredProperties;
    const list = Array.isArray(names) ? names.map(String) : [];
    return list.map((name) => ({ path: path === '' ? name : `${path}.${name}`, message: missingField }));
  });
}

export function tooLarge(bytesMax: number): OperatorError {
  return new OperatorError(`The request body has more than ${bytesMax} bytes`, {
    code: 'body-too-large',
    details: { bytesMax },
  });
}

export function brokenOff(bytes: number, cause: unknown): OperatorError {
  return new OperatorError(`The request body ended after ${bytes} bytes, before it was complete`, {
    code: 'body-broken-off',
    hint: 'The connection broke while sending. Send the request again.',
    retryable: true,
    details: { bytes },
    cause,
  });
}
