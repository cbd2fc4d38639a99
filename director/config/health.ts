import { Type } from 'typebox';
import { flag, kind, oneOf, path, port, secret, section, text, texts, whole } from './vocabulary.ts';

const seconds = (description: string, byDefault: number, minimum = 1) =>
  whole({ description: `${description}, in seconds.`, default: byDefault, minimum, maximum: 86_400 });

const intervals = section(
  {
    poll_director_seconds: seconds('How often it is looked which instances there are', 60),
    poll_grace_period_seconds: seconds('How long after a start nothing is judged', 30, 0),
    analyze_agents_seconds: seconds('How often silent agents are looked for', 60),
    analyze_instances_seconds: seconds('How often instances without a VM are looked for', 60),
    agent_timeout_seconds: seconds('An agent that was silent for longer has timed out; heartbeats come every 30', 60),
    rogue_agent_alert_seconds: seconds('An agent that is of no deployment for longer is told of', 120),
    prune_events_seconds: seconds('An alert that comes twice within this is told once', 30),
    log_stats_seconds: seconds('How often the log tells how many agents there are', 60),
  },
  { description: 'When the health monitor does what.' },
);

const eventsOf = <const K extends 'alert' | 'heartbeat'>(...byDefault: readonly K[]) =>
  Type.Array(oneOf(['alert', 'heartbeat'], { description: '' }), {
    description: 'What it is told: `alert`, `heartbeat`.',
    default: [...byDefault],
  });

const ca = Type.Optional(path({ description: 'PEM file to check the server with. Without: the well-known CAs.' }));

const url = (about: { description: string; default?: string }) =>
  text({ ...about, pattern: '^https?://', shape: 'a URL that begins with https:// or http://' });

const notifier = Type.Union(
  [
    section({ kind: kind('logger'), events: eventsOf('alert') }, { description: "The director's log." }),
    section({ kind: kind('event_logger') }, { description: 'The record of events: `bosh events`.' }),
    section(
      {
        kind: kind('webhook'),
        url: url({ description: 'Where `{director, events}` is posted as JSON.' }),
        secret: Type.Optional(
          secret({ description: 'Shared with the receiver: signs each request. Without: nothing is signed.' }),
        ),
        ca_certificate: ca,
        events: eventsOf('alert'),
      },
      { description: 'Any server of your own.' },
    ),
    section(
      {
        kind: kind('json'),
        programs: text({
          description: 'Programs that are kept running; each is given a line of JSON for each event.',
          default: '/var/vcap/jobs/*/bin/bosh-monitor/*',
          pattern: '^/',
          shape: 'an absolute path, with `*` for any part of a name',
        }),
        events: eventsOf('alert', 'heartbeat'),
      },
      { description: "BOSH's way to add plugins." },
    ),
    section(
      {
        kind: kind('email'),
        recipients: texts({ description: 'Addresses of those who get the mails.' }),
        interval_seconds: seconds('Alerts of so long come as one mail', 10),
        from: text({ description: 'Address of the sender.' }),
        host: text({ description: 'Mail server.' }),
        port: port({ description: 'Its port.', default: 587 }),
        domain: Type.Optional(text({ description: 'Name that the director greets the server with.' })),
        tls: oneOf(['starttls', 'implicit', 'none'], {
          description: 'How the connection is protected; `none`: not at all, and then nobody logs in.',
          default: 'starttls',
        }),
        ca_certificate: ca,
        user: Type.Optional(text({ description: 'User to log in as.' })),
        password: Type.Optional(secret({ description: 'Its password.' })),
      },
      { description: 'Mails, by SMTP.' },
    ),
    section(
      {
        kind: kind('pagerduty'),
        service_key: secret({ description: 'Integration key of the service.' }),
        url: url({
          description: 'Of its events API.',
          default: 'https://events.pagerduty.com/generic/2010-04-15/create_event.json',
        }),
      },
      { description: 'An incident in PagerDuty for each alert.' },
    ),
    section(
      {
        kind: kind('data_dog'),
        api_key: secret({ description: 'API key.' }),
        application_key: secret({ description: 'Application key.' }),
        url: url({ description: 'Of its API; other sites have others.', default: 'https://api.datadoghq.com' }),
        custom_tags: texts({ description: 'Further tags, as `key:value`.', default: [] }),
        pagerduty_service_name: Type.Optional(text({ description: 'Whom Datadog shall page of grave alerts.' })),
        events: eventsOf('alert', 'heartbeat'),
      },
      { description: 'Datadog: heartbeats as metrics, alerts as events.' },
    ),
    section(
      {
        kind: kind('graphite'),
        host: text({ description: 'Server that takes the plaintext protocol.' }),
        port: port({ description: 'Its port.', default: 2003 }),
        prefix: Type.Optional(text({ description: 'Put before the names of all metrics.' })),
      },
      { description: 'Heartbeats as metrics in Graphite.' },
    ),
    section(
      {
        kind: kind('tsdb'),
        host: text({ description: 'Server that takes `put` lines.' }),
        port: port({ description: 'Its port.', default: 4242 }),
      },
      { description: 'Heartbeats as metrics in OpenTSDB.' },
    ),
  ],
  { description: 'Who is told of alerts, and of heartbeats.' },
);

const resurrector = section(
  {
    enabled: flag({ description: 'Whether machines that died get another.', default: true }),
    fix_stateful: flag({
      description: 'Also those with a persistent disk, which the new machine gets.',
      default: true,
    }),
    minimum_down_jobs: whole({
      description: 'With fewer dead instances of a deployment it is no meltdown.',
      default: 5,
      minimum: 1,
      maximum: 100_000,
    }),
    percent_threshold: whole({
      description: 'With so many of the instances dead, in percent, it is a meltdown, and nothing is done.',
      default: 20,
      minimum: 1,
      maximum: 100,
    }),
    time_threshold_seconds: seconds('An instance that was found dead counts for so long', 600),
  },
  { description: 'Gives instances whose machine died another one.' },
);

export const health = section(
  {
    enabled: flag({
      description: 'Whether this director watches. Of several on one database only one should.',
      default: true,
    }),
    alerts_per_second: whole({
      description:
        'Alerts of agents that are taken, of all together; ten times as many at once. More are counted only.',
      default: 100,
      minimum: 1,
      maximum: 10_000,
    }),
    alerts_per_agent_minute: whole({
      description: 'Alerts of one agent that are taken in a minute.',
      default: 60,
      minimum: 1,
      maximum: 10_000,
    }),
    intervals,
    resurrector,
    notifiers: Type.Array(notifier, {
      description:
        'Who is told of alerts, and of heartbeats; each has a queue of its own. Without any: `logger` and `event_logger`.',
      default: [{ kind: 'logger' }, { kind: 'event_logger' }],
    }),
  },
  { description: 'The health monitor: it watches the machines of all deployments.' },
);
