import type { Cpi } from '../../cpi/cpi.ts';

/** The CPIs that this director drives. Without a CPI config there is one, named `''`. */
export interface Cpis {
  /**
   * The CPI for one task, whose cpi output gets each call and answer.
   * @param stemcell of the VM that the calls are about: a CPI prepares settings for its agent
   * @throws OperatorError `cpi-unknown`
   */
  named(name: string, task: CpiListener, stemcell?: { apiVersion: number | null }): Cpi;
  names(): readonly string[];
}

/** The part of a task that hears of calls. */
export interface CpiListener {
  /** Takes whole lines. */
  cpi(text: string): void;
  /** As of a task: see there. */
  holds(): Promise<void>;
}
