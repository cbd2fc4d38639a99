import type { Cpi } from '../../cpi/cpi.ts';

/** The CPIs that this director drives. Without a CPI config there is one, named `''`. */
export interface Cpis {
  /** @throws OperatorError `cpi-unknown` */
  named(name: string): Cpi;
  names(): readonly string[];
}
