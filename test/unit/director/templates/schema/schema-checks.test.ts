import { afterEach, beforeEach, expect, test } from 'vitest';
import { SchemaChecks } from '../../../../../director/templates/schema/schema-checks.ts';

const draft = 'https://json-schema.org/draft/2020-12/schema';
const schema = (properties: object) => JSON.stringify({ $schema: draft, properties });
const endless = schema({ x: { pattern: '^(a+)+$' } });

let checks: SchemaChecks;
beforeEach(() => {
  checks = new SchemaChecks({ checkMsMax: 1_000 });
});
afterEach(() => checks.close());

test('what fits and what does not; large integers are numbers', async () => {
  const text = schema({ port: { type: 'integer' } });
  expect(await checks.check('web', text, { port: 12345678901234567890n })).toEqual([]);
  expect(await checks.check('web', text, { port: 'x' })).toMatchObject([{ path: 'properties.port' }]);
});

test('a schema that can not be used names its job, each time', async () => {
  for (const job of ['web', 'db']) {
    const refused = { code: 'job-schema-invalid', message: expect.stringContaining(`job ${job}`) };
    await expect(checks.check(job, '{', {})).rejects.toMatchObject(refused);
  }
});

test('a pattern that takes for ever is ended; nobody else is held up by it, and the next check is served', async () => {
  await checks.check('web', schema({}), {}); // so that the thread is there
  let turns = 0;
  const others = setInterval(() => turns++, 10);
  const stuck = checks.check('web', endless, { x: `${'a'.repeat(40)}!` });
  const next = checks.check('web', schema({ x: { type: 'integer' } }), { x: 's' });
  expect(await stuck).toMatchObject([{ path: 'properties', message: /took longer than 1000 ms/ }]);
  clearInterval(others);
  expect(turns).toBeGreaterThan(10);
  expect(await next).toMatchObject([{ path: 'properties.x' }]);
});

test('closing ends what runs and what waits at once, and nothing starts any more', async () => {
  const patient = new SchemaChecks({ checkMsMax: 600_000 });
  const early = new SchemaChecks();
  await patient.check('web', schema({}), {}); // so that the thread is there
  const ends = Promise.allSettled([
    patient.check('web', endless, { x: `${'a'.repeat(40)}!` }),
    patient.check('web', schema({}), {}),
    early.check('web', schema({}), {}),
  ]);
  await new Promise(setImmediate);
  await Promise.all([patient.close(), early.close()]);
  const refused = { code: 'schema-checks-closed', retryable: true };
  for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: refused });
  await expect(patient.check('web', schema({}), {})).rejects.toMatchObject(refused);
  await patient.close();
});

const threadOf = (code: string) => () => Promise.resolve(new URL(`data:text/javascript,${encodeURIComponent(code)}`));

test('a thread that ends at its start without a word is told, and the next check tries again', async () => {
  let starts = 0;
  const silent = new SchemaChecks({}, () => (starts++, threadOf('process.exit(3)')()));
  const down = { code: 'schema-checks-down', retryable: true, message: /did not start: .*ended with code 3/ };
  for (const job of ['web', 'db']) {
    const thrown: unknown = await silent.check(job, schema({}), {}).catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ ...down, message: expect.stringMatching(down.message) });
  }
  expect(starts).toBe(2);
  await silent.close();
});

test('one that ends without a word in the middle of a check is told as a fault', async () => {
  const code = `import { parentPort } from 'node:worker_threads';
    parentPort.once('message', () => process.exit(0));
    parentPort.postMessage('ready');`;
  const leaving = new SchemaChecks({ checkMsMax: 600_000 }, threadOf(code));
  expect(await leaving.check('web', schema({}), {})).toMatchObject([{ message: /its thread ended with code 0/ }]);
  await leaving.close();
});

test.each([NaN, Infinity])('%s is no value for JSON, and told as a fault', async (x) => {
  const message = `${x} can't be written as JSON`;
  expect(await checks.check('web', schema({}), { x })).toEqual([{ path: 'properties', message }]);
});

test('a check that eats memory ends its thread, not the director', async () => {
  const small = new SchemaChecks({ heapMbMax: 24 });
  const many = { type: 'array', uniqueItems: true, items: { type: 'object', minProperties: 2 } };
  const items = Array.from({ length: 400_000 }, () => ({}));
  const faults = await small.check('web', schema({ x: many }), { x: items });
  expect(faults).toMatchObject([{ path: 'properties', message: /memory/ }]);
  await small.close();
});
