import { Type } from 'typebox';
import { flag, kind, path, secret, section, text, texts, whole } from './vocabulary.ts';

// Who may use the director: users, teams, and how they prove who they are.

export const user = section(
  {
    name: text({ description: 'What they log in with.', pattern: '^[^:]+$', shape: 'a name without a colon' }),
    password: secret({ description: 'As text, or as a hash `scrypt:…` (made by `gantry hash-password`).' }),
    scopes: Type.Optional(
      texts({
        description:
          'What they may do: `bosh.admin`, `bosh.read`, `bosh.teams.<team>.admin`, `bosh.releases.upload` … ' +
          'Without: `bosh.admin`, everything, unless a team names them; then what the team gives.',
      }),
    ),
  },
  { description: 'A user of the director.' },
);

export const team = section(
  {
    name: text({ description: 'Name of the team.', pattern: '^[^.\\s]+$', shape: 'a name without dots and spaces' }),
    admins: texts({ description: 'Users and clients that may deploy and change what the team owns.', default: [] }),
    readers: texts({ description: 'Users and clients that may look at what the team owns.', default: [] }),
  },
  {
    description: 'A team: its members get `bosh.teams.<name>.admin` or `.read`. What an admin deploys, the team owns.',
  },
);

const basic = section(
  { kind: kind('basic') },
  { description: 'By name and password of `users` in each request, as a BOSH director without a UAA.' },
);

const client = section(
  {
    name: text({ description: 'What `BOSH_CLIENT` names.', pattern: '^[^:]+$', shape: 'a name without a colon' }),
    secret: secret({ description: 'What `BOSH_CLIENT_SECRET` holds; as text, or as a hash `scrypt:…`.' }),
    scopes: texts({ description: 'What it may do.', default: [] }),
  },
  { description: 'A program that uses the director, such as a pipeline.' },
);

const issuer = section(
  {
    kind: kind('issuer'),
    url: Type.Optional(
      text({
        description: 'Where clients reach it. Without: `/uaa` at the first of `listen.hostnames` and the port.',
        pattern: '^https://[^/]+(/[^?#]*)?$',
        shape: 'a URL that begins with https://',
      }),
    ),
    access_token_seconds: whole({
      description: 'How long a token is good; clients fetch the next one by themselves. In seconds.',
      default: 600,
      minimum: 10,
      maximum: 86_400,
    }),
    log_in_hours: whole({
      description: 'After how long a user has to give the password again, in hours.',
      default: 24,
      minimum: 1,
      maximum: 8_760,
    }),
    clients: Type.Array(client, { description: 'Programs that log in with a secret of their own.', default: [] }),
  },
  { description: "By tokens of the director's own issuer, which answers as a UAA does: `bosh log-in`, clients." },
);

export const authentication = Type.Union([basic, issuer], {
  description: 'How users and programs prove who they are.',
});

export const audit = section(
  {
    log: flag({ description: "Whether every changing request is told in the director's log.", default: true }),
    file: Type.Optional(path({ description: 'A file that they are appended to as well, as JSON lines.' })),
    log_access_events: flag({
      description: 'Whether every request, reading ones too, is told as a CEF line, as by a BOSH director.',
      default: false,
    }),
    access_file: path({ description: 'The file of these lines; in the state directory.', default: 'audit.log' }),
  },
  { description: 'Who asked for what, from where, and what came of it; never what was sent.' },
);
