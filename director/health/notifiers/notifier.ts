import type { EventKind, HealthEvent } from '../events.ts';

/**
 * A way to tell somebody of events. It is handed them in order, one batch at a time, and may take its time: a queue of its
 * own waits meanwhile (notifier-queue.ts), and gives up on it after a while.
 */
export interface Notifier {
  /** Names it in the log and in metrics: its kind, with a number where there are several. */
  readonly name: string;
  readonly wants: ReadonlySet<EventKind>;
  /** Most events that one `send` is given. */
  readonly batchMax: number;
  /** Events are gathered for so long before they are sent; 0: at once. */
  readonly gatherMs: number;

  /**
   * Resolves once all of them were taken. Ends soon after the signal is aborted.
   * @throws when they were not taken; they are tried again then, all of them
   */
  send(events: readonly HealthEvent[], signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}
