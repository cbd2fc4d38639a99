import type { Events } from '../../store/events.ts';
import { alertText } from '../events.ts';
import type { Notifier } from './notifier.ts';

/** Whose events they are. */
export const healthMonitorUser = 'hm';

/** Into the record of the director (`bosh events`). */
export function eventLogger(events: Pick<Events, 'add'>): Notifier {
  return {
    name: 'event_logger',
    wants: new Set(['alert']),
    batchMax: 20,
    gatherMs: 0,
    send: async (batch, signal) => {
      for (const event of batch) {
        signal.throwIfAborted();
        if (event.kind !== 'alert') continue;
        const { id, title, createdAt, deployment, job, instanceId } = event;
        await events.add({
          parentId: null,
          atMs: createdAt * 1000,
          user: healthMonitorUser,
          action: 'create',
          objectType: 'alert',
          objectName: id,
          error: null,
          task: null,
          deployment,
          instance: job === null || instanceId === null ? null : `${job}/${instanceId}`,
          context: { message: `${title}. ${alertText(event)}` },
        });
      }
    },
  };
}
