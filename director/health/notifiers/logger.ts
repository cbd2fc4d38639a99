import type { Log } from '../../../common/log.ts';
import { toWire, type EventKind } from '../events.ts';
import type { Notifier } from './notifier.ts';

/** Severities that somebody should look at: alert, critical and error. */
const graveMax = 3;

/** Into the director's own log. */
export function logger(log: Log, wants: ReadonlySet<EventKind>): Notifier {
  return {
    name: 'logger',
    wants,
    batchMax: 100,
    gatherMs: 0,
    send: (events) => {
      for (const event of events) {
        if (event.kind === 'heartbeat') log.info('heartbeat', toWire(event));
        else log[event.severity <= graveMax ? 'warn' : 'info']('alert', toWire(event));
      }
      return Promise.resolve();
    },
  };
}
