import { OperatorError } from '../../common/errors.ts';
import { isUnsupported } from '../../cpi/errors.ts';
import { AgentTimedOut } from '../bus/agent-errors.ts';
import type { FormerWork } from '../deploy/former-work.ts';
import type { StepIo } from '../execute/work.ts';
import { activeVm } from '../plan/actual.ts';
import type { PersistentDisk, Vm } from '../store/instances.ts';
import type { Problem } from '../store/problems.ts';

/** What one repair gets. Each may run twice: a task whose director died begins anew, with what is there then. */
export interface RepairIo extends StepIo {
  problem: Problem;
  /** How the instance last was. @throws OperatorError when that cannot be looked up any more */
  former: () => Promise<FormerWork>;
}

export type Repair = (io: RepairIo) => Promise<void>;

/** What is found out to be better left: the problem counts as dealt with, and a scan looks anew. As BOSH. */
export class RepairRefused extends OperatorError {
  constructor(message: string, cause?: unknown) {
    super(message, {
      code: 'repair-refused',
      hint: 'Run `bosh cloud-check` again: it looks anew.',
      cause,
    });
  }
}

/** @throws RepairRefused naming the VM whose agent does not answer */
export async function whileAgentAnswers<T>({ work }: RepairIo, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (!(thrown instanceof AgentTimedOut)) throw thrown;
    throw new RepairRefused(`VM '${activeVm(work.instance)?.cid}' is not responding`, thrown);
  }
}

export async function vmExists({ cpis, task }: RepairIo, { cid, cpi, stemcell }: Vm): Promise<boolean> {
  if (cid === null) return false;
  try {
    return await cpis.named(cpi, task, stemcell).hasVm(cid, task.signal);
  } catch (thrown) {
    if (isUnsupported(thrown)) return true;
    throw thrown;
  }
}

/** Checked when the problem was described. */
export function diskOf({ work, problem }: RepairIo): PersistentDisk {
  const disk = work.instance.disks.find(({ key }) => key === problem.resource);
  if (disk === undefined) throw new Error(`${work.label} has no disk ${problem.resource}`);
  return disk;
}
