import { didYouMean } from '../../common/suggest.ts';
import { describe, type Section } from './section.ts';

const badProperty = 160008;

/** `az` or `azs` of a subnet; null: it is for any. Source: subnet.rb. */
export function readSubnetAzs(subnet: Section, known: ReadonlySet<string>): string[] | null {
  if (subnet.has('az') && subnet.has('azs')) {
    subnet.fault('azs', { message: 'a subnet has either "az" or "azs", not both', boshCode: badProperty });
    return null;
  }
  if (!subnet.has('azs')) {
    const az = subnet.optionalText('az');
    if (az === null) return null;
    checkAz(subnet, ['az'], az, known);
    return [az];
  }
  const azs = subnet.optionalList('azs');
  if (azs.length === 0) {
    subnet.fault('azs', { message: 'the list of AZs is empty', boshCode: badProperty, suggestion: 'leave "azs" out' });
  }
  return azs.flatMap((az, i) => {
    if (typeof az !== 'string') {
      subnet.collector.fault(subnet.document, [...subnet.path, 'azs', i], {
        message: `it must be the name of an AZ, but it is ${describe(az)}`,
        boshCode: 160007,
      });
      return [];
    }
    checkAz(subnet, ['azs', i], az, known);
    return [az];
  });
}

function checkAz(subnet: Section, path: readonly (string | number)[], az: string, known: ReadonlySet<string>): void {
  if (known.has(az)) return;
  subnet.collector.fault(subnet.document, [...subnet.path, ...path], {
    message: `the cloud config has no AZ "${az}"`,
    boshCode: 160007,
    ...didYouMean(az, known),
  });
}
