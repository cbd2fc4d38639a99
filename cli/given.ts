/** One flag of a command, or of all commands. */
export interface FlagSpec {
  /** Long name, without dashes. */
  readonly name: string;
  readonly short?: string;
  readonly text: string;
  /** What its value is called in the help. Without: a switch. */
  readonly value?: string;
  /** Given more than once, all count. */
  readonly many?: boolean;
  /** Its value when it is given without one; then a value can only be joined by `=`. */
  readonly whenBare?: string;
  readonly required?: boolean;
  /** Environment variable that stands in for it. */
  readonly env?: string;
  readonly fallback?: string;
}

export interface ArgumentSpec {
  /** As the help shows it: `PATH`. */
  readonly name: string;
  readonly optional?: boolean;
  readonly many?: boolean;
  /** All that it can be. */
  readonly words?: readonly string[];
}

/** What was given to a command. */
export class Given {
  readonly args: readonly string[];
  readonly #flags: ReadonlyMap<string, readonly string[]>;

  /** @param flags by long name; a switch that is on has one empty value */
  constructor(args: readonly string[], flags: ReadonlyMap<string, readonly string[]>) {
    this.args = args;
    this.#flags = flags;
  }

  /** Empty: the argument is optional, and was left out. */
  arg(index: number): string {
    return this.args[index] ?? '';
  }

  on(name: string): boolean {
    return this.#flags.has(name);
  }

  /** Empty: not given. */
  text(name: string): string {
    return this.#flags.get(name)?.at(-1) ?? '';
  }

  list(name: string): readonly string[] {
    return this.#flags.get(name) ?? [];
  }
}
