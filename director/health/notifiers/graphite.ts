import { metricsOf, type HeartbeatEvent } from '../events.ts';
import type { Notifier } from './notifier.ts';
import { TcpLines } from './tcp-lines.ts';

export interface LinesOptions {
  name: string;
  host: string;
  port: number;
}

/** A line for each metric: `[PREFIX.]DEPLOYMENT.GROUP.ID.AGENT.METRIC VALUE TIME`. */
export function graphite({ name, host, port, prefix }: LinesOptions & { prefix?: string | undefined }): Notifier {
  return lines({ name, host, port }, (event) => {
    const { deployment, job, instanceId, agentId } = event;
    const path = [prefix, deployment, job, instanceId, agentId].filter((part) => part !== undefined).join('.');
    return metricsOf(event)
      .map(
        (metric) => `${oneWord(`${path}.${metric.name.replaceAll('.', '_')}`)} ${metric.value} ${metric.timestamp}\n`,
      )
      .join('');
  });
}

/** A line for each metric: `put METRIC TIME VALUE TAG=VALUE …`, with sorted tags. */
export function tsdb(options: LinesOptions): Notifier {
  return lines(options, (event) =>
    metricsOf(event)
      .map(({ name, timestamp, value, tags }) => {
        const given = Object.entries({ ...tags, deployment: event.deployment }).filter(
          ([, text]) => text.trim() !== '',
        );
        const shown = given.map(([key, text]) => `${key}=${oneWord(text)}`).sort();
        return `put ${name} ${timestamp} ${value} ${shown.join(' ')}\n`;
      })
      .join(''),
  );
}

function lines({ name, host, port }: LinesOptions, linesOf: (event: HeartbeatEvent) => string): Notifier {
  const connection = new TcpLines({ host, port });
  return {
    name,
    wants: new Set(['heartbeat']),
    batchMax: 100,
    gatherMs: 0,
    send: (events, signal) =>
      connection.write(events.map((event) => (event.kind === 'heartbeat' ? linesOf(event) : '')).join(''), signal),
    close: () => connection.close(),
  };
}

/** A space would end it, and a line break begin another. */
const oneWord = (text: string) => text.replace(/\s/g, '_');
