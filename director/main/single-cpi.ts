import { OperatorError } from '../../common/errors.ts';
import type { Cpi, CpiScope } from '../../cpi/cpi.ts';
import type { Cpis } from '../execute/cpis.ts';
import { whileHeld } from '../execute/while-held.ts';

/** The one CPI of a director without a CPI config. */
export function singleCpi(within: (scope: CpiScope) => Cpi): Cpis {
  return {
    names: () => [''],
    named: (name, task, stemcell) => {
      if (name === '') {
        const apiVersion = stemcell?.apiVersion ?? null;
        const cpi = within({
          onOutput: (text) => task.cpi(text),
          beforeCall: () => task.holds(),
          ...(apiVersion === null ? {} : { stemcellApiVersion: apiVersion }),
        });
        return whileHeld(cpi, task);
      }
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
