import { recordArgument } from '../arguments.ts';
import { textsAt } from '../shape.ts';
import type { Action } from './action.ts';

/** Forgets which machine had these addresses: another one has them now. */
export const deleteArpEntries: Action = async ({ platform }, { args }) => {
  await platform.forgetNeighbours(textsAt(recordArgument(args, 0, 'entries'), 'ips'));
  return {};
};
