import { InvalidInput, type Fault } from '../../common/errors.ts';

/**
 * What is wrong with a deployment, gathered over steps that don't need each other's results: an operator who has
 * misspelled a release, a stemcell and a network shall learn of all three at once.
 */
export class CollectedFaults {
  readonly #found: Array<{ invalid: InvalidInput; prefix: string }> = [];

  /** @param prefix before the paths of faults, where they are not those of the manifest: `cloud config` */
  async of<T>(step: () => T | Promise<T>, prefix = ''): Promise<T | undefined> {
    try {
      return await step();
    } catch (thrown) {
      if (!(thrown instanceof InvalidInput)) throw thrown;
      this.#found.push({ invalid: thrown, prefix });
      return undefined;
    }
  }

  /**
   * @throws InvalidInput that was found, if it is the only one; else `deployment-invalid` with the faults of all, under
   *   the number of the first, as BOSH stops at the first
   */
  throwIfAny(what: string): void {
    const [first, ...others] = this.#found;
    if (first === undefined) return;
    const faults = this.#found.flatMap(({ invalid, prefix }) => invalid.faults.map((fault) => within(prefix, fault)));
    if (others.length === 0) {
      first.invalid.details['faults'] = faults; // its message names the document; the paths alone would not
      throw first.invalid;
    }
    const hints = new Set(this.#found.flatMap(({ invalid: { hint } }) => (hint === undefined ? [] : [hint])));
    const all = new InvalidInput(what, faults, {
      code: 'deployment-invalid',
      ...(hints.size === 0 ? {} : { hint: [...hints].join('\n') }),
    });
    all.details['boshCode'] = first.invalid.details['boshCode'];
    throw all;
  }
}

function within(prefix: string, fault: Fault): Fault {
  return prefix === '' ? fault : { ...fault, path: fault.path === '' ? prefix : `${prefix}: ${fault.path}` };
}
