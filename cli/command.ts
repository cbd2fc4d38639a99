import type { Context } from './context.ts';
import type { ArgumentSpec, FlagSpec, Given } from './given.ts';

/** A command: how it is called, and what it does. Modules that hold commands are cheap to load; what they use is not. */
export interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly text: string;
  readonly args?: readonly ArgumentSpec[];
  readonly flags?: readonly FlagSpec[];
  /** It asks no director anything: of the flags that all commands have, it takes `--help` alone. */
  readonly noClient?: true;
  /** It is known from the bosh CLI and only says that it is not there: takes any flags, and is offered to nobody. */
  readonly notBuilt?: true;
  /** It runs until it is stopped, and tells its end itself. */
  readonly untilStopped?: true;
  readonly run: (context: Context, given: Given) => Promise<void>;
}
