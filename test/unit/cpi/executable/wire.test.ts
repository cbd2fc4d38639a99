import { expect, test } from 'vitest';
import * as read from '../../../../cpi/executable/results.ts';
import { errorOf, parseAnswer, type CallName } from '../../../../cpi/executable/wire.ts';

const creating: CallName = { method: 'create_vm', requestId: 'cpi-1' };
const asking: CallName = { method: 'has_vm', requestId: 'cpi-2' };

test('an answer is an object with a result, an error and a log', () => {
  expect(parseAnswer('{"result": ["vm-1", {}], "error": null, "log": "made"}', creating)).toEqual({
    result: ['vm-1', {}],
    error: null,
    log: 'made',
  });
});

test.each([
  ['nothing', ''],
  ['no JSON', 'Traceback (most recent call last)'],
  ['no object', '[]'],
  ['no log', '{"result": "vm-1", "error": null}'],
  ['a log that is none', '{"result": "vm-1", "error": null, "log": null}'],
  ['no result', '{"error": null, "log": ""}'],
  ['no error', '{"result": "vm-1", "log": ""}'],
  ['an error in words', '{"result": null, "error": "no", "log": ""}'],
  ['an error without ok_to_retry', '{"result": null, "error": {"type": "a", "message": "b"}, "log": ""}'],
])('%s is no answer: what came of the call is unknown, and nothing if it only asked', (_what, text) => {
  expect(() => parseAnswer(text, creating, { details: { agentId: 'a' } })).toThrow(
    expect.objectContaining({
      code: 'cpi-outcome-unknown',
      message: expect.stringContaining(text === '' ? 'nothing at all' : text),
      details: { agentId: 'a', ...creating },
    }),
  );
  expect(() => parseAnswer(text, asking)).toThrow(expect.objectContaining({ code: 'cpi-error', retryable: true }));
});

test('of a long answer the beginning is shown, and how long it is', () => {
  expect(() => parseAnswer('x'.repeat(600), creating)).toThrow(/: x{500}… \(600 characters\)/);
});

test('how the program ended is part of why there is no answer, and nothing to one that answered', () => {
  const of = { failure: 'was killed by SIGKILL' };
  expect(() => parseAnswer('', creating, of)).toThrow(
    "Invalid CPI response: it is no JSON: nothing at all; the program was killed by SIGKILL, in 'create_vm' CPI method (CPI request ID: 'cpi-1')",
  );
  expect(parseAnswer('{"result": true, "error": null, "log": ""}', asking, of).result).toBe(true);
});

test.each([
  [
    'Bosh::Clouds::VMCreationFailed',
    true,
    { type: 'VMCreationFailed', code: 'cpi-vm-creation-failed', retryable: true },
  ],
  ['Bosh::Clouds::VMCreationFailed', false, { type: 'VMCreationFailed', retryable: false }],
  ['Bosh::Clouds::NoDiskSpace', true, { type: 'NoDiskSpace', retryable: true }],
  ['Bosh::Clouds::VMNotFound', true, { type: 'VMNotFound', retryable: false }],
  ['Bosh::Clouds::NotSupported', false, { type: 'NotSupported', code: 'cpi-not-supported' }],
  ['Bosh::Clouds::CpiError', false, { type: 'CpiError', code: 'cpi-error' }],
  ['Bosh::Clouds::Unheard', true, { type: 'CpiError', retryable: false }],
  ['Aws::EC2::Errors::Denied', false, { type: 'CpiError', code: 'cpi-error' }],
])('the error type %s (ok_to_retry %s)', (type, okToRetry, expected) => {
  const error = errorOf({ type, message: 'the reason', ok_to_retry: okToRetry }, creating);
  expect(error).toMatchObject(expected);
  const known = type.startsWith('Bosh::Clouds::') && type !== 'Bosh::Clouds::Unheard';
  expect(error.message).toBe(
    `${known ? '' : 'Unknown '}CPI error '${type}' with message 'the reason' in 'create_vm' CPI method (CPI request ID: 'cpi-1')`,
  );
});

test.each([
  ['InvalidCall', "Method is not known, got 'resize_disk'"],
  ['Bosh::Clouds::CloudError', 'Invalid Method: resize_disk'],
  ['Bosh::Clouds::NotImplemented', 'not here'],
])('%s with "%s" says that there is no such method', (type, message) => {
  const error = errorOf({ type, message, ok_to_retry: false }, creating);
  expect(error.type).toBe('NotImplemented');
  expect(error.message).toMatch(new RegExp(`^CPI error '${type}' with message '`));
});

test('results are read as versions 1 and 2 give them, and refused when they are of another shape', () => {
  const of = (result: unknown) => ({ result, call: creating, details: {} });
  expect(read.vm(of(['vm-1', {}]))).toBe('vm-1');
  expect(read.vm(of('vm-1'))).toBe('vm-1');
  expect(read.diskHint(of({ path: '/dev/sdb' }))).toEqual({ path: '/dev/sdb' });
  expect(read.info(of({ api_version: 2 }))).toEqual({ apiVersion: 2, stemcellFormats: [] });
  expect(read.network(of(['n', { range: '10.0.0.0/24', gateway: '10.0.0.1' }, {}]))).toMatchObject({ reserved: [] });

  const refused: Array<() => unknown> = [
    () => read.vm(of([null])),
    () => read.vm(of('')),
    () => read.cid(of(17)),
    () => read.cids(of(['a', ''])),
    () => read.flag(of('true')),
    () => read.properties(of([])),
    () => read.network(of(['n', { range: '10.0.0.0/24' }, {}])),
    () => read.info(of({ api_version: '2' })),
    () => read.info(of({ api_version: 2, stemcell_formats: 'file' })),
  ];
  for (const reading of refused) expect(reading).toThrow(expect.objectContaining({ code: 'cpi-outcome-unknown' }));
});

test('without a disk hint, or an api_version, the CPI is of a version that we do not speak', () => {
  const of = (result: unknown) => ({ result, call: creating, details: {} });
  for (const nothing of [null, '', {}]) expect(() => read.diskHint(of(nothing))).toThrow(/no disk hint/);
  expect(() => read.info(of({ stemcell_formats: [] }))).toThrow(expect.objectContaining({ type: 'NotSupported' }));
  expect(() => read.info(of(null))).toThrow(expect.objectContaining({ type: 'NotSupported' }));
});
