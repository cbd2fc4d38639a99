import { textArgument } from '../arguments.ts';
import type { Action } from './action.ts';

/** Forgets where a disk was found. Unknown: nothing. */
export const removePersistentDisk: Action = async ({ settings }, { args }) => {
  await settings.removeDiskHint(textArgument(args, 0, 'disk cid'));
  return {};
};
