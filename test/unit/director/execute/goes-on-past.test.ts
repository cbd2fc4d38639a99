import { expect, test } from 'vitest';
import type { TaskId } from '../../../../common/ids.ts';
import { CpiError, CpiOutcomeUnknown } from '../../../../cpi/errors.ts';
import { goesOnPast } from '../../../../director/execute/effects/left-behind.ts';
import type { StepIo } from '../../../../director/execute/work.ts';
import {
  databaseBusy,
  databaseFlushFailed,
  databaseIoFailed,
  databaseUnreachable,
  diskFull,
  LeaseLost,
} from '../../../../director/store/errors.ts';

const io = ({ forced = true, signal = new AbortController().signal } = {}) =>
  ({ work: { forced }, task: { signal } }) as unknown as StepIo; // all that it looks at

test('by force a deletion goes on past what the world refuses, and only by force', () => {
  for (const refusal of [new CpiError('CloudError', 'no'), new CpiOutcomeUnknown('?')]) {
    expect(goesOnPast(refusal, io())).toBe(true);
    expect(goesOnPast(refusal, io({ forced: false }))).toBe(false);
    expect(goesOnPast(refusal, io({ signal: AbortSignal.abort() }))).toBe(false);
  }
});

test('nothing goes on past trouble with the records, nor past a bug: what was not tried would be given up', () => {
  const lost = new LeaseLost({ taskId: 1 as TaskId, owner: 'me', fence: 1 }); // a number of the store's
  const troubles = [
    lost,
    databaseBusy(1),
    databaseFlushFailed(0),
    databaseIoFailed(0),
    databaseUnreachable(0),
    diskFull(0),
    new TypeError('x is undefined'),
  ];
  for (const trouble of troubles) expect(goesOnPast(trouble, io())).toBe(false);
});
