import { textArgument } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import { isRecord } from '../shape.ts';
import type { Action } from './action.ts';

/** Tells where an attached disk is found. */
export const addPersistentDisk: Action = async ({ settings }, { args }) => {
  const cid = textArgument(args, 0, 'disk cid');
  const hint = args[1];
  if (typeof hint !== 'string' && !isRecord(hint)) {
    throw new ActionFailed(`add_persistent_disk: "${cid}" came without a hint`, { code: 'invalid-input' });
  }
  await settings.addDiskHint(cid, hint);
  return {};
};
