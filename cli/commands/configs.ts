import type {
  Config,
  ConfigComparison,
  ConfigDiff,
  ConfigOutdated,
  ConfigSide,
  NewConfig,
} from '../../director/api/contract/configs.ts';
import type { ErrorBody } from '../../director/api/contract/errors.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import type { Context } from '../context.ts';
import { diffText, showDiff } from '../diff-text.ts';
import { type DirectorClient, fetching, Refused } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { evaluateText, fileText, templateFlags } from '../template.ts';
import { columnsOf, type Table } from '../ui/table.ts';

const type = { name: 'type', value: 'TYPE', text: "Config type, e.g. 'cloud', 'runtime', or 'cpi'" };
const name = { name: 'name', value: 'NAME', text: 'Config name' };
const json = { 'content-type': mediaTypes.json };

export const configCommands: readonly CommandSpec[] = [
  {
    name: 'config',
    aliases: ['c'],
    text: 'Show current config for either ID or both type and name',
    args: [{ name: 'ID', optional: true }],
    flags: [name, type],
    run: async ({ ui, session }, given) => {
      checkChoice(given, 'parameters --type and --name');
      const client = await session.director();
      ui.table(configTable(await find(client, given)));
    },
  },
  {
    name: 'configs',
    aliases: ['cs'],
    text: 'List configs',
    flags: [
      name,
      type,
      { name: 'recent', short: 'r', value: 'N', whenBare: '1', fallback: '1', text: 'Number of configs to show' },
    ],
    run: list,
  },
  {
    name: 'update-config',
    aliases: ['uc'],
    text: 'Update config',
    args: [{ name: 'PATH' }],
    flags: [
      { ...type, required: true },
      { ...name, required: true },
      { name: 'expected-latest-id', value: 'ID', text: 'Expected ID of latest config' },
      ...templateFlags,
    ],
    run: update,
  },
  {
    name: 'delete-config',
    aliases: ['dc'],
    text: 'Delete config',
    args: [{ name: 'ID', optional: true }],
    flags: [type, name],
    run: remove,
  },
  {
    name: 'diff-config',
    text: 'Diff two configs by ID or content',
    flags: [
      { name: 'from-id', value: 'ID', text: 'ID of first config to compare' },
      { name: 'to-id', value: 'ID', text: 'ID of second config to compare' },
      { name: 'from-content', value: 'PATH', text: 'Path to first config file to compare' },
      { name: 'to-content', value: 'PATH', text: 'Path to second config file to compare' },
    ],
    run: compare,
  },
];

function checkChoice(given: Given, what: string): void {
  const [id, byType, byName] = [given.arg(0) !== '', given.text('type') !== '', given.text('name') !== ''];
  if (!id && !byType && !byName) throw new CliError(`Either <ID> or ${what} must be provided`);
  if (id && (byType || byName)) throw new CliError("Can only specify one of ID or parameters '--type' and '--name'");
  if (!id && byType !== byName) throw new CliError("Need to specify both parameters '--type' and '--name'");
}

async function find(client: DirectorClient, given: Given): Promise<Config> {
  const id = given.arg(0);
  if (id === '') {
    const query = { type: given.text('type'), name: given.text('name'), limit: '1', latest: 'true' };
    const [config] = await fetching<Config[]>(client, 'Finding config', withQuery(paths.configs, query));
    if (config === undefined) throw new CliError('No config');
    return config;
  }
  try {
    return await client.get<Config>(paths.config(id));
  } catch (error) {
    const absent = error instanceof Refused && error.answer.status === 404;
    throw new CliError(absent ? 'No config' : 'Finding config', error);
  }
}

async function list({ ui, session }: Context, given: Given): Promise<void> {
  const recent = given.on('recent') ? Number(given.text('recent')) : 1;
  if (!Number.isInteger(recent)) throw new CliError("invalid argument for flag `-r, --recent' (expected int)");
  const query = {
    type: given.text('type'),
    name: given.text('name'),
    limit: String(recent),
    latest: String(recent === 1),
  };
  const configs = await fetching<Config[]>(
    await session.director(),
    'Listing configs',
    withQuery(paths.configs, query),
  );
  ui.table({
    content: 'configs',
    columns: columnsOf('ID', 'Type', 'Name', 'Team', 'Created At'),
    rows: configs.map((each) => [
      each.current ? `${each.id}*` : each.id,
      each.type,
      each.name,
      each.team ?? '',
      each.created_at,
    ]),
    notes: [
      ...(configs.some(({ current }) => current) ? ['(*) Currently active'] : []),
      ...(recent <= 1 ? ['Only showing active configs. To see older versions use the --recent=10 option.'] : []),
    ],
  });
}

async function update(context: Context, given: Given): Promise<void> {
  const { ui, session } = context;
  const client = await session.director();
  const { text: content } = await evaluateText(context, given.arg(0), given, 'config');
  const named = { type: given.text('type'), name: given.text('name'), content };
  const post = { method: 'POST', headers: json } as const;
  const { diff, from } = await during(
    'Fetching diff result',
    client.json<ConfigDiff>({ ...post, path: paths.configDiff, body: JSON.stringify(named) }),
  );
  showDiff(ui, diff);
  await ui.confirm();
  const expected = given.text('expected-latest-id') || from?.id;
  const config: NewConfig = { ...named, ...(expected === undefined ? {} : { expected_latest_id: expected }) };
  try {
    ui.table(configTable(await client.json<Config>({ ...post, path: paths.configs, body: JSON.stringify(config) })));
  } catch (error) {
    if (!(error instanceof Refused) || error.answer.status !== 412) throw new CliError('Updating config', error);
    const { latest_id, expected_latest_id } = JSON.parse(error.answer.text) as ConfigOutdated; // the contract's
    throw new CliError(
      `Config update rejected: The expected latest ID '${expected_latest_id}' doesn't match the latest ID '${latest_id}'.` +
        ' Someone has updated it since: look at the difference once more.',
    );
  }
}

async function remove({ ui, session }: Context, given: Given): Promise<void> {
  checkChoice(given, 'parameters --type and --name');
  const client = await session.director();
  await ui.confirm();
  const id = given.arg(0);
  const query = { type: given.text('type'), name: given.text('name') };
  const path = id === '' ? withQuery(paths.configs, query) : paths.config(id);
  const answer = await during('Deleting config', client.attempt({ method: 'DELETE', path }));
  if (answer.status === 204) return;
  if (answer.status !== 404) throw new CliError('Deleting config', new Refused(answer));
  const sought = id === '' ? `type '${query.type}' and name '${query.name}'` : `id '${id}'`;
  ui.line(`No configs to delete: no matches for ${sought} found.`);
}

async function compare(context: Context, given: Given): Promise<void> {
  const side = async (which: 'from' | 'to'): Promise<ConfigSide> => {
    const [id, path] = [given.text(`${which}-id`), given.text(`${which}-content`)];
    if (id !== '' && path !== '')
      throw new CliError(`Only one of --${which}-id and --${which}-content can be specified`);
    if (id === '' && path === '') throw new CliError(`One of --${which}-id or --${which}-content must be specified`);
    if (path !== '') return { content: await fileText(context, path) };
    if (!/^-?\d+$/.test(id)) throw new CliError(`--${which}-id needs to be an integer.`);
    return { id };
  };
  const client = await context.session.director();
  const comparison: ConfigComparison = { to: await side('to'), from: await side('from') };
  const body = JSON.stringify(comparison);
  const { diff } = await client
    .json<ConfigDiff>({ method: 'POST', path: paths.configDiff, headers: json, body })
    .catch((error: unknown) => {
      throw noSuchConfig(error) ?? new CliError('Fetching diff result', error);
    });
  context.ui.table({
    columns: columnsOf('From ID', 'To ID', 'Diff'),
    rows: [[given.text('from-id'), given.text('to-id'), diffText(diff)]],
    notes: [],
    transposed: true,
  });
}

/** The director's own words, for a config that was named and isn't there; nothing else is a 404 with this code. */
function noSuchConfig(error: unknown): CliError | undefined {
  if (!(error instanceof Refused) || !error.answer.text.includes('"code":440012')) return undefined;
  const { description } = JSON.parse(error.answer.text) as ErrorBody; // the contract's
  return new CliError(description);
}

function configTable({ id, type: configType, name: configName, created_at, content }: Config): Table {
  return {
    content: 'config',
    columns: columnsOf('ID', 'Type', 'Name', 'Created At', 'Content'),
    rows: [[id, configType, configName, created_at, content]],
    notes: [],
    transposed: true,
  };
}
