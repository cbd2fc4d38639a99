import { shortText, toWire } from '../events.ts';
import { postJson } from './http-post.ts';
import type { Notifier } from './notifier.ts';

/** An incident for each alert, by PagerDuty's first events API, as BOSH uses it. */
export function pagerduty({ name, url, serviceKey }: { name: string; url: string; serviceKey: string }): Notifier {
  return {
    name,
    wants: new Set(['alert']),
    batchMax: 1, // what failed is tried again, and the others would be told twice
    gatherMs: 0,
    send: async (events, signal) => {
      for (const event of events) {
        const body = JSON.stringify({
          service_key: serviceKey,
          event_type: 'trigger',
          incident_key: event.id,
          description: shortText(event),
          details: toWire(event),
        });
        await postJson({ url, body, signal });
      }
    },
  };
}
