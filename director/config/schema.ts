import { Type } from 'typebox';
import { health } from './health.ts';
import { audit, authentication, team, user } from './people.ts';
import { flag, kind, oneOf, path, port, secret, section, text, texts, whole } from './vocabulary.ts';

/**
 * The director's config file, all of it: what may stand in it, its defaults and its units.
 * docs/operators/configuration.md is made from here.
 */

const listen = section(
  {
    address: text({ description: 'Address that the API listens on.', default: '127.0.0.1' }),
    port: port({ description: 'Port of the API; 0: any free one.', default: 25555 }),
    hostnames: texts({
      description: 'Names and addresses by which clients reach the director; they go into its certificate.',
      default: ['localhost', '127.0.0.1'],
    }),
    certificate: Type.Optional(
      path({ description: "PEM file with the API's certificate. Without: one is made, by the director's own CA." }),
    ),
    private_key: Type.Optional(path({ description: 'PEM file with its key.' })),
  },
  { description: 'Where clients reach the director.' },
);

const sqlite = section(
  {
    kind: kind('sqlite'),
    file: path({ description: 'The database file; in the state directory.', default: 'director.sqlite' }),
  },
  { description: 'A file of its own; for one director.' },
);

const postgres = section(
  {
    kind: kind('postgres'),
    host: text({ description: 'Host name or address, or the directory of a Unix socket.' }),
    port: port({ description: 'Port of the server.', default: 5432 }),
    database: text({ description: 'Name of the database.', default: 'gantry' }),
    user: text({ description: 'Role to log in with.', default: 'gantry' }),
    password: secret({ description: "The role's password." }),
    ca_certificate: Type.Optional(path({ description: 'PEM file to check the server with. Without: no TLS.' })),
    connections: whole({ description: 'Most connections at a time.', default: 10, minimum: 2, maximum: 200 }),
  },
  { description: 'A PostgreSQL server; several directors can share it.' },
);

const embeddedBus = section(
  {
    kind: kind('embedded'),
    address: text({ description: 'Address that agents connect to.', default: '127.0.0.1' }),
    port: port({ description: 'Port that agents connect to; 0: any free one, which is kept.', default: 4222 }),
    advertised_host: Type.Optional(
      text({ description: 'Host that agents are told, where it is another than the address.' }),
    ),
  },
  { description: "A message bus inside of the director's process." },
);

const natsBus = section(
  {
    kind: kind('nats'),
    urls: texts({ description: 'Servers, as `nats://host:port`; agents are told all of them.' }),
    ca_certificate: path({ description: 'PEM file of the CA that signs the certificates of servers and agents.' }),
    ca_private_key: path({ description: 'PEM file of its key; certificates of agents are made with it.' }),
    permissions_file: Type.Optional(
      path({ description: "File with nats-server's users, which this director keeps. Without: something else does." }),
    ),
    reload_pid_file: Type.Optional(
      path({ description: 'Pid file of the nats-server, which is told when the users changed.' }),
    ),
  },
  { description: 'One or several nats-servers with mutual TLS.' },
);

const memoryCpi = section(
  {
    kind: kind('memory'),
    machines: oneOf(['simulated', 'process'], {
      description: '`simulated`: agents that act as if. `process`: a real agent for each machine, jobs as processes.',
      default: 'simulated',
    }),
  },
  { description: 'An infrastructure in memory, to rehearse with.' },
);

const executableCpi = section(
  {
    kind: kind('executable'),
    path: path({ description: 'The CPI program, such as `/var/vcap/jobs/vsphere_cpi/bin/cpi`.' }),
    timeout_seconds: whole({
      description:
        'Limit of one call, in seconds; the program is ended then. Calls that only look or label have 600 at most.',
      default: 3600,
      minimum: 1,
      maximum: 86_400,
    }),
    calls_at_once: whole({ description: 'Most calls at a time.', default: 32, minimum: 1, maximum: 1000 }),
    name: text({ description: 'What `/info` shows.', default: 'executable' }),
  },
  { description: 'Any CPI that speaks the BOSH CPI protocol, run as a program.' },
);

const blobstore = section(
  {
    kind: kind('local'),
    directory: path({ description: 'Where blobs are kept; in the state directory.', default: 'blobs' }),
  },
  { description: 'Files on the disk of the director, which its machines share.' },
);

const templates = section(
  {
    engine: oneOf(['wasm', 'native'], {
      description: '`wasm`: Ruby in a sandbox. `native`: the `ruby` program, 2 to 4 times faster, without a sandbox.',
      default: 'wasm',
    }),
    workers: whole({ description: 'Templates rendered at once.', default: 2, minimum: 1, maximum: 64 }),
    timeout_seconds: whole({
      description: 'Limit of one template, in seconds.',
      default: 30,
      minimum: 1,
      maximum: 600,
    }),
    ruby: path({ description: 'The Ruby program, for `native`; looked up in PATH.', default: 'ruby' }),
  },
  { description: 'How templates of jobs are rendered.' },
);

const agent = section(
  {
    ntp: texts({ description: 'Time servers of VMs.', default: [] }),
    ready_timeout_seconds: whole({
      description: 'How long a new VM may take until its agent answers, in seconds.',
      default: 600,
      minimum: 10,
      maximum: 7200,
    }),
    keep_unreachable_vms: flag({
      description: 'Leave a VM whose agent never answered, to look at it; otherwise it is deleted.',
      default: false,
    }),
    trusted_certificates: Type.Optional(path({ description: 'PEM file of further CAs that VMs shall trust.' })),
  },
  { description: 'What every VM gets.' },
);

const disks = section(
  {
    cpi_resize: flag({
      description: 'Ask the CPI to grow a persistent disk, instead of copying its data to a larger one.',
      default: false,
    }),
    cpi_update: flag({
      description: 'Ask the CPI to change size and cloud properties of a persistent disk, instead of copying its data.',
      default: false,
    }),
    snapshots: flag({
      description: 'Take snapshots of persistent disks: before an instance is changed, on demand, and on schedule.',
      default: false,
    }),
  },
  { description: 'Persistent disks. Where a CPI cannot do what it is asked, data is copied.' },
);

const cron = 'as cron in UTC, of five fields or of six with seconds first.';
const schedule = section(
  {
    orphaned_vms: text({ description: `When VMs that were given up are deleted, ${cron}`, default: '*/5 * * * *' }),
    orphaned_disks: text({ description: `When old orphaned disks are deleted, ${cron}`, default: '0 0,30 * * * *' }),
    orphaned_disk_days: whole({
      description: 'How old an orphaned disk must be for that, in days.',
      default: 5,
      minimum: 0,
      maximum: 3650,
    }),
    snapshots: text({
      description: `When all persistent disks are snapshotted, where \`disks.snapshots\` is on, ${cron}`,
      default: '0 0 7 * * *',
    }),
  },
  { description: 'What is done without anybody asking, as user `scheduler`.' },
);

const dns = section(
  {
    enabled: flag({
      description: 'Whether machines are told the names and addresses of all others, for a DNS server on them.',
      default: true,
    }),
    domain: text({ description: 'The domain of these names.', default: 'bosh' }),
    include_index: flag({
      description: 'Whether instances also have names with their index, in /etc/hosts of machines.',
      default: false,
    }),
    use_dns_addresses: flag({
      description:
        'Whether links and `spec.address` give names instead of addresses; the manifest may say otherwise. Needs a DNS server on all machines.',
      default: false,
    }),
  },
  { description: 'Names of instances.' },
);

const ssh = section(
  {
    gateway_host: Type.Optional(text({ description: 'What clients go through to reach instances. Without: nothing.' })),
    gateway_user: text({ description: 'Whom they log in as there.', default: 'vcap' }),
  },
  { description: 'What `bosh ssh` is told, where nobody says otherwise with `--gw-host`.' },
);

const tasks = section(
  {
    workers: whole({ description: 'Tasks worked on at a time.', default: 4, minimum: 1, maximum: 64 }),
    keep: whole({
      description: 'Tasks of each type that are kept once they ended, with their output; the oldest go first.',
      default: 2000,
      minimum: 1,
      maximum: 1_000_000,
    }),
  },
  { description: 'The task engine.' },
);

const events = section(
  {
    record: flag({ description: 'Whether `bosh events` is kept.', default: true }),
    keep: whole({
      description: 'Events that are kept; the oldest go first.',
      default: 10_000,
      minimum: 1,
      maximum: 10_000_000,
    }),
  },
  { description: 'The record of what was changed by whom.' },
);

const metrics = section(
  {
    enabled: flag({ description: 'Whether they are served.', default: false }),
    address: text({ description: 'Address to listen on; anybody who reaches it may look.', default: '127.0.0.1' }),
    port: port({ description: 'Port of it; 0: any free one, which the log tells.', default: 9092 }),
  },
  { description: 'Figures for Prometheus (`/metrics`), and the endpoints of the health monitor, over plain HTTP.' },
);

const log = section(
  {
    level: oneOf(['debug', 'info', 'warn', 'error'], { description: 'What is written to it.', default: 'info' }),
    file: Type.Optional(
      path({ description: 'A file, as JSON lines. Without: standard error, on a terminal as text for people.' }),
    ),
  },
  { description: "The director's own log." },
);

const limits = section(
  {
    upload_gib: whole({ description: 'Largest upload, in GiB.', default: 16, minimum: 1, maximum: 1024 }),
    free_disk_mib: whole({
      description: 'Room that an upload must leave in the state directory, in MiB.',
      default: 1024,
      minimum: 0,
      maximum: 1_048_576,
    }),
    request_minutes: whole({
      description: 'Longest time for one whole request, in minutes; uploads over slow lines take long.',
      default: 240,
      minimum: 1,
      maximum: 1440,
    }),
    idle_seconds: whole({
      description: 'A connection on which nothing moves for so long is closed, in seconds.',
      default: 900,
      minimum: 5,
      maximum: 7200,
    }),
    download_minutes: whole({
      description: 'Longest time for fetching a release or stemcell by its URL, in minutes.',
      default: 120,
      minimum: 1,
      maximum: 1440,
    }),
    agent_answers_seconds: whole({
      description: 'How long `bosh instances` waits for one agent, in seconds.',
      default: 5,
      minimum: 1,
      maximum: 120,
    }),
  },
  { description: 'What one request may cost.' },
);

export const directorConfigSchema = section(
  {
    name: text({ description: 'Name of the director, shown to its users.', default: 'gantry' }),
    state_directory: Type.Optional(
      path({ description: 'Everything that the director keeps. Without: `$GANTRY_HOME`, or `~/.gantry`.' }),
    ),
    listen,
    users: Type.Array(user, {
      description: 'Who may use it. Without any: a user `admin` is made, its password put into the state directory.',
      default: [],
    }),
    teams: Type.Array(team, { description: 'Who shares deployments and configs with whom.', default: [] }),
    authentication,
    audit,
    database: Type.Union([sqlite, postgres], { description: 'Where the director keeps what it knows.' }),
    bus: Type.Union([embeddedBus, natsBus], { description: 'The message bus between director and agents.' }),
    cpi: Type.Union([memoryCpi, executableCpi], {
      description: 'The infrastructure, unless a CPI config names others.',
    }),
    blobstore: Type.Union([blobstore], { description: 'Where packages, templates and logs are kept.' }),
    templates,
    agent,
    disks,
    schedule,
    dns,
    ssh,
    tasks,
    events,
    health,
    metrics,
    log,
    limits,
  },
  { description: 'The config file of a director, in YAML or JSON.' },
);
