import type { Chance } from '../common/chance.ts';
import type { Clock } from '../common/clock.ts';
import type { Globals } from './globals.ts';
import type { Session } from './session.ts';
import type { Ui } from './ui/ui.ts';

/** What a command works with. */
export interface Context {
  readonly ui: Ui;
  readonly globals: Globals;
  readonly env: NodeJS.ProcessEnv;
  /** Whether what is printed may have colours. */
  readonly color: boolean;
  readonly cwd: string;
  readonly clock: Clock;
  readonly chance: Chance;
  /** The director that was chosen; nothing is sent before it is asked for. */
  readonly session: Session;
  /** Until the process is told to stop; only for those who run till then, since nothing else stops it afterwards. */
  readonly untilStopped: () => Promise<void>;
  /** Until whoever started it has had enough: told to stop, or nobody reads what is printed. It ends then, by itself. */
  readonly untilLeft: () => Promise<void>;
}
