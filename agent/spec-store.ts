import { parseApplySpec } from './apply-spec.ts';
import { readIfThere, writeWhole } from './files.ts';
import type { ApplySpec } from './protocol.ts';

/** The applied spec, in bosh/spec.json: what this machine is meant to run. */
export class SpecStore {
  readonly #path: string;
  #spec: ApplySpec | undefined;

  private constructor(path: string, spec: ApplySpec | undefined) {
    this.#path = path;
    this.#spec = spec;
  }

  static async open(path: string): Promise<SpecStore> {
    const text = await readIfThere(path);
    return new SpecStore(path, text === undefined ? undefined : parseApplySpec(JSON.parse(text)));
  }

  /** Undefined: nothing was applied yet. */
  current(): ApplySpec | undefined {
    return this.#spec;
  }

  async replace(spec: ApplySpec): Promise<void> {
    await writeWhole(this.#path, JSON.stringify(spec), 0o600);
    this.#spec = spec;
  }
}
