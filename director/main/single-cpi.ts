import { OperatorError } from '../../common/errors.ts';
import type { Cpi } from '../../cpi/cpi.ts';
import type { Cpis } from '../execute/cpis.ts';

/** The one CPI of a director without a CPI config. */
export function singleCpi(cpi: Cpi): Cpis {
  return {
    names: () => [''],
    named: (name) => {
      if (name === '') return cpi;
      throw new OperatorError(
        `there is no CPI "${name}": CPI configs are not built yet, and the director's own CPI has no name`,
        {
          code: 'cpi-unknown',
          hint: 'Take "cpi" out of the AZs of the cloud config.',
          details: { boshCode: 550001, cpi: name },
        },
      );
    },
  };
}
