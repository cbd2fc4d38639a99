import type { Info } from '../../director/api/contract/info.ts';
import type { CertificateExpiry } from '../../director/api/contract/operations.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching, whoHint } from '../director-client.ts';
import { columnsOf, lines, type Table } from '../ui/table.ts';

/** From how many days on before its end a certificate is shown as trouble. */
const expirySoonDays = 30;

export const environmentCommands: readonly CommandSpec[] = [
  {
    name: 'environment',
    aliases: ['env'],
    text: 'Show environment',
    flags: [{ name: 'details', text: "Show director's certificates details" }],
    run: async ({ ui, session, globals }, given) => {
      const client = await session.director();
      const info = await fetching<Info>(client, 'Fetching info', paths.info);
      ui.table(infoTable(info));
      // for people, and no failure: whoever is not logged in may ask, and programs are told what the bosh CLI tells
      if (!info.user && !globals.json) ui.line(whoHint);
      if (!given.on('details')) return;
      ui.table(
        certificateTable(
          await fetching<CertificateExpiry[]>(
            client,
            'Getting certificate expiry endpoint error',
            paths.certificateExpiry,
          ),
        ),
      );
    },
  },
  {
    name: 'environments',
    aliases: ['envs'],
    text: 'List environments',
    run: async ({ ui, session }) => {
      const environments = (await session.config()).environments();
      ui.table({
        content: 'environments',
        columns: columnsOf('URL', 'Alias'),
        rows: environments.map(({ url, alias }) => [url, typeof alias === 'string' ? alias : '']),
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'alias-env',
    text: 'Alias environment to save URL and CA certificate',
    args: [{ name: 'ALIAS' }],
    run: async ({ ui, session, globals }, given) => {
      const { caCertificate } = await import('../globals.ts');
      const config = await session.config();
      const updated = config.alias(
        config.resolve(globals.environment),
        given.arg(0),
        await caCertificate(globals.caCert),
      );
      session.useConfig(updated);
      const info = await fetching<Info>(await session.director(), 'Fetching info', paths.info);
      await updated.save(); // only what was reached is worth a name
      ui.table(infoTable(info));
    },
  },
  {
    name: 'unalias-env',
    text: 'Remove an aliased environment',
    args: [{ name: 'ALIAS' }],
    run: async ({ session }, given) => (await session.config()).unalias(given.arg(0)).save(),
  },
];

export function infoTable(info: Info): Table {
  const features = Object.entries(info.features ?? {}).map(
    ([name, { status }]) => `${name}: ${status ? 'enabled' : 'disabled'}`,
  );
  const fields: Array<[string, string]> = [
    ['Name', info.name],
    ['UUID', info.uuid],
    ['Version', info.version],
    ...when(info.stemcell_os, 'Director Stemcell', `${info.stemcell_os}/${info.stemcell_version}`),
    ...when(info.cpi, 'CPI', info.cpi),
  ];
  const titles = [...fields.map(([title]) => title), ...(features.length > 0 ? ['Features'] : []), 'User'];
  return {
    columns: columnsOf(...titles),
    rows: [
      [
        ...fields.map(([, value]) => value),
        ...(features.length > 0 ? [lines(features.sort())] : []),
        info.user || '(not logged in)',
      ],
    ],
    transposed: true,
  };
}

function when(present: string | undefined, title: string, value: string): Array<[string, string]> {
  return present === undefined || present === '' ? [] : [[title, value]];
}

function certificateTable(certificates: readonly CertificateExpiry[]): Table {
  return {
    title: 'CERTIFICATE EXPIRY DATE INFORMATION',
    columns: columnsOf('Certificate', 'Expiry Date (UTC)', 'Days Left'),
    rows: certificates.map(({ certificate_path, expiry, days_left }) => [
      certificate_path,
      expiry,
      { text: String(days_left), rank: days_left, tone: days_left <= expirySoonDays ? 'bad' : 'good' },
    ]),
  };
}
