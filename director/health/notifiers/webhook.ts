import { createHmac } from 'node:crypto';
import type { Clock } from '../../../common/clock.ts';
import { toWire, type EventKind } from '../events.ts';
import { postJson } from './http-post.ts';
import type { Notifier } from './notifier.ts';

export interface WebhookOptions {
  name: string;
  url: string;
  wants: ReadonlySet<EventKind>;
  /** Shared with the receiver, who can tell by it that it is us. */
  secret?: string | undefined;
  /** PEM. */
  ca?: string | undefined;
  director: string;
  clock: Clock;
}

export const timestampHeader = 'x-gantry-timestamp';
export const signatureHeader = 'x-gantry-signature';

/** `{director, events}` as JSON, signed over time and body, so that it cannot be sent again later by somebody else. */
export function webhook({ name, url, wants, secret, ca, director, clock }: WebhookOptions): Notifier {
  return {
    name,
    wants,
    batchMax: 100,
    gatherMs: 0,
    send: async (events, signal) => {
      const body = JSON.stringify({ director, events: events.map(toWire) });
      const timestamp = String(Math.floor(clock.now() / 1000));
      const signed = { [timestampHeader]: timestamp, [signatureHeader]: signatureOf(timestamp, body, secret ?? '') };
      await postJson({
        url,
        body,
        headers: secret === undefined ? {} : signed,
        ...(ca === undefined ? {} : { ca }),
        signal,
      });
    },
  };
}

/** `sha256=<hex>` of the HMAC over `<timestamp>.<body>`. */
export function signatureOf(timestamp: string, body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}
