import { parseApplySpec } from '../apply-spec.ts';
import { installMissing } from '../bundles/install.ts';
import type { Action } from './action.ts';

/** Fetches what a spec will need, while the old one still runs. */
export const prepare: Action = async (machine, { args, signal }) => {
  const spec = parseApplySpec(args[0]);
  await machine.bundlesLock.run(signal, () => installMissing(machine, spec, signal));
  return 'prepared';
};
