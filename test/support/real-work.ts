import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { VirtualClock } from '../../common/clock.ts';

/**
 * Virtual time that stands still while files are read, archives packed and keys made: work that takes real time, takes
 * none of the story's, however loaded the computer is. So a seed is a run that can be had again.
 */
export function patientClock(startMs?: number): VirtualClock {
  if (process.env['UV_THREADPOOL_SIZE'] !== '1') throw new Error('set UV_THREADPOOL_SIZE=1 for a patient clock');
  return new VirtualClock(startMs, realWorkDone);
}

/**
 * Files, zlib and crypto are worked on by libuv's threads, and with one thread in the order of their asking: what was
 * asked for before a probe is done when the probe is. Where the probe was all that ended meanwhile, nothing is left.
 */
async function realWorkDone(): Promise<void> {
  for (;;) {
    const before = eventsSeen();
    await new Promise<void>((resolve) => randomBytes(1, () => resolve()));
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (eventsSeen() - before === 1) return;
  }
}

/** How much I/O has ended since the start of the process: work of the threads, one by one, and what sockets brought. */
function eventsSeen(): number {
  return performance.nodeTiming.uvMetricsInfo.events;
}
