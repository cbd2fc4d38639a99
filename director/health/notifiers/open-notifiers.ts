import type { Clock } from '../../../common/clock.ts';
import type { Log } from '../../../common/log.ts';
import type { DirectorConfig } from '../../config.ts';
import { namedPem } from '../../config/named-file.ts';
import type { Events } from '../../store/events.ts';
import type { EventKind } from '../events.ts';
import { datadog } from './datadog.ts';
import { eventLogger } from './event-logger.ts';
import { executables } from './executables.ts';
import { graphite, tsdb } from './graphite.ts';
import { logger } from './logger.ts';
import type { Notifier } from './notifier.ts';
import { pagerduty } from './pagerduty.ts';
import { webhook } from './webhook.ts';

export type NotifierConfig = DirectorConfig['health']['notifiers'][number];

export interface NotifierDeps {
  /** The director's name. */
  director: string;
  /** Null: no events are kept. */
  events: Pick<Events, 'add'> | null;
  clock: Clock;
  log: Log;
}

/** As the config names them. @throws OperatorError of a PEM file that can't be read */
export async function openNotifiers(configs: readonly NotifierConfig[], deps: NotifierDeps): Promise<Notifier[]> {
  const opened: Notifier[] = [];
  for (const [at, config] of configs.entries()) {
    const earlier = configs.slice(0, at).filter((other) => other.kind === config.kind).length;
    const name = earlier === 0 ? config.kind : `${config.kind}-${earlier + 1}`;
    const notifier = await open(config, name, `health.notifiers.${at}`, deps);
    if (notifier !== undefined) opened.push(notifier);
  }
  return opened;
}

async function open(
  config: NotifierConfig,
  name: string,
  path: string,
  { director, events, clock, log }: NotifierDeps,
): Promise<Notifier | undefined> {
  const pem = (file: string | undefined) =>
    file === undefined ? Promise.resolve(undefined) : namedPem(`${path}.ca_certificate`, file);
  switch (config.kind) {
    case 'logger':
      return logger(log, wanted(config.events));
    case 'event_logger':
      return events === null ? undefined : eventLogger(events);
    case 'webhook': {
      const { url, secret, caCertificate } = config;
      return webhook({
        name,
        url,
        secret,
        ca: await pem(caCertificate),
        wants: wanted(config.events),
        director,
        clock,
      });
    }
    case 'json':
      return executables({ name, wants: wanted(config.events), pattern: config.programs, clock, log });
    case 'email': {
      const { recipients, intervalSeconds, caCertificate, kind: _, ...smtp } = config;
      const { email } = await import('./email.ts'); // what speaks SMTP takes its time to load
      const everyMs = intervalSeconds * 1000;
      return email({ name, director, recipients, everyMs, smtp: { ...smtp, ca: await pem(caCertificate) } });
    }
    case 'pagerduty':
      return pagerduty({ name, url: config.url, serviceKey: config.serviceKey });
    case 'data_dog':
      return datadog({ ...config, name, wants: wanted(config.events) });
    case 'graphite':
      return graphite({ ...config, name });
    case 'tsdb':
      return tsdb({ ...config, name });
  }
}

const wanted = (events: readonly EventKind[]): ReadonlySet<EventKind> => new Set(events);
