import type { Clock } from '../../common/clock.ts';
import { AnswerReader, type Answer } from './frames.ts';

/** One Ruby, in a thread (sandbox/thread-lane.ts) or in a process (native.ts). It serves one job at a time. */
export interface Lane {
  /** Whoever has the lane. Unheard once the lane is stopped. */
  listener: LaneListener | undefined;
  /** The next requests are for a new job, and get a Ruby in which no template has run. */
  begin(): Promise<void>;
  send(request: Uint8Array): void;
  progress(): Progress;
  /** Ends it at once, whatever it does. Resolves when nothing of it is left; may be repeated. */
  stop(): Promise<void>;
}

export interface LaneListener {
  readonly answer: (bytes: Uint8Array) => void;
  /** It ended, or is of no more use. */
  readonly lost: (cause: Error) => void;
}

/** Which template it works on; -1 before the first. */
export interface Progress {
  readonly rendersBegun: number;
  readonly instance: number;
  readonly source: number;
}

/** The lane is gone or useless; whatever it was asked may be asked of another. */
export class LaneLost extends Error {}

/** All lanes are gone with what they had in common, and what any of them did may have ended it. */
export class AllLanesLost extends Error {}

/** One template has taken all the time that it may. */
export class LaneTooSlow extends LaneLost {}

export interface AskLimits {
  readonly renderMsMax: number;
  readonly answerBytesMax: number;
}

/** How often progress is looked at, within the time that one render may take. */
const LOOKS_PER_LIMIT = 8;

/**
 * Sends one request and hands on its answers until it is done. The time limit is for each template of each instance
 * alone, so a job may have as many instances as it likes.
 * @throws LaneLost; the lane has to be stopped then
 */
export function ask(
  lane: Lane,
  request: Uint8Array,
  limits: AskLimits,
  clock: Clock,
  take: (answer: Answer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new AnswerReader(limits.answerBytesMax);
    const watch = watchProgress(lane, limits.renderMsMax, clock, () =>
      settle(() => reject(new LaneTooSlow(`no progress in ${limits.renderMsMax} ms`))),
    );
    const settle = (end: () => void) => {
      watch.cancel();
      lane.listener = undefined;
      end();
    };
    lane.listener = {
      lost: (cause) => settle(() => reject(new LaneLost(cause.message, { cause }))),
      answer: (bytes) => {
        try {
          for (const answer of reader.read(bytes)) {
            if ('done' in answer) return settle(resolve);
            take(answer);
          }
        } catch (cause) {
          settle(() => reject(new LaneLost('its answer cannot be read', { cause })));
        }
      },
    };
    lane.send(request);
  });
}

function watchProgress(lane: Lane, msMax: number, clock: Clock, tooSlow: () => void): { cancel(): void } {
  let seen = lane.progress().rendersBegun;
  let sinceMs = clock.now();
  const look = () => {
    const { rendersBegun } = lane.progress();
    if (rendersBegun !== seen) {
      seen = rendersBegun;
      sinceMs = clock.now();
    }
    if (clock.now() - sinceMs >= msMax) return tooSlow();
    timer = clock.after(msMax / LOOKS_PER_LIMIT, look);
  };
  let timer = clock.after(msMax / LOOKS_PER_LIMIT, look);
  return { cancel: () => timer.cancel() };
}
