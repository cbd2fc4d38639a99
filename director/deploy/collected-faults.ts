import { describeFaults, InvalidInput, type Fault } from '../../common/errors.ts';
import { InvalidManifest } from '../../manifests/fault.ts';

/**
 * What is wrong with a deployment, gathered over steps that don't need each other's results: an operator who has
 * misspelled a release, a stemcell and a network shall learn of all three at once.
 */
export class CollectedFaults {
  readonly #found: Array<{ invalid: InvalidInput; faults: readonly Fault[] }> = [];
  /** Places of the manifest that could not be read: what a check says of them follows from that. */
  #unread: readonly string[] = [];
  readonly #warnings: string[] = [];

  /** @param prefix before the paths of faults, where they are not those of the manifest: `cloud config` */
  async of<T>(step: () => T | Promise<T>, prefix = ''): Promise<T | undefined> {
    try {
      return await step();
    } catch (thrown) {
      if (!(thrown instanceof InvalidInput)) throw thrown;
      this.#note(
        thrown,
        thrown.faults.map((fault) => within(prefix, fault)).filter(({ path }) => !this.#isUnread(path)),
      );
      if (thrown instanceof InvalidManifest) this.warn(thrown.warnings.map((warning) => within(prefix, warning)));
      return undefined;
    }
  }

  /** What is wrong with the manifest by itself. What is checked of it nevertheless comes after. */
  inManifest(invalid: InvalidManifest): void {
    this.#note(invalid, invalid.faults);
    this.#unread = invalid.faults.map(({ path }) => path);
  }

  #note(invalid: InvalidInput, faults: readonly Fault[]): void {
    if (faults.length > 0) this.#found.push({ invalid, faults });
  }

  #isUnread(path: string): boolean {
    return this.#unread.some((unread) => `${path}.`.startsWith(`${unread}.`) || unread.startsWith(`${path}.`));
  }

  /** What is no fault. It is told with the faults, if there are any. */
  warn(warnings: readonly Fault[]): void {
    this.#warnings.push(...warnings.map((warning) => describeFaults([warning])));
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * @throws InvalidInput that was found, if it is the only one; else `deployment-invalid` with the faults of all, under
   *   the number of the first, as BOSH stops at the first. `warningsOf` has the warnings
   */
  throwIfAny(what: string): void {
    const [first] = this.#found;
    if (first === undefined) return;
    const invalid = this.#invalid(what, first);
    invalid.details['warnings'] = this.#warnings;
    throw invalid;
  }

  #invalid(what: string, first: { invalid: InvalidInput }): InvalidInput {
    const faults = this.#found.flatMap((found) => found.faults);
    if (this.#found.length === 1) {
      first.invalid.details['faults'] = faults; // its message names the document; the paths alone would not
      return first.invalid;
    }
    const hints = new Set(this.#found.flatMap(({ invalid: { hint } }) => (hint === undefined ? [] : [hint])));
    const all = new InvalidInput(what, faults, {
      code: 'deployment-invalid',
      ...(hints.size === 0 ? {} : { hint: [...hints].join('\n') }),
    });
    all.details['boshCode'] = first.invalid.details['boshCode'];
    return all;
  }
}

function within(prefix: string, fault: Fault): Fault {
  return prefix === '' ? fault : { ...fault, path: fault.path === '' ? prefix : `${prefix}: ${fault.path}` };
}

/** Of a deploy that was refused. */
export function warningsOf(thrown: unknown): readonly string[] {
  return thrown instanceof InvalidInput ? ((thrown.details['warnings'] ?? []) as string[]) : []; // by throwIfAny
}
