import type { ConfigDiff, LegacyConfig } from '../../director/api/contract/configs.ts';
import { mediaTypes } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { showDiff } from '../diff-text.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { evaluateText, templateFlags } from '../template.ts';

/** A kind of config that has endpoints and commands of its own, older than /configs. */
interface Kind {
  readonly path: string;
  /** As it is spoken of: `cloud config`. */
  readonly words: string;
  readonly named: boolean;
  readonly absent: (name: string) => string;
}

const kinds = {
  cloud: { path: '/cloud_configs', words: 'cloud config', named: true, absent: () => 'No cloud config' },
  cpi: { path: '/cpi_configs', words: 'cpi config', named: false, absent: () => 'No CPI config' },
  runtime: {
    path: '/runtime_configs',
    words: 'runtime config',
    named: true,
    absent: (name: string) => (name === '' ? 'No default runtime config' : `No runtime config with name '${name}'`),
  },
} as const satisfies Record<string, Kind>;

const nameFlag = (title: string): FlagSpec => ({ name: 'name', value: 'NAME', text: `${title} name (default: '')` });
const noRedact: FlagSpec = { name: 'no-redact', text: 'Show non-redacted manifest diff' };
const fixReleases: FlagSpec = {
  name: 'fix-releases',
  text: 'Reupload releases in config and replace corrupt or missing jobs/packages',
};

export const legacyConfigCommands: readonly CommandSpec[] = [
  ...commandsOf(kinds.cloud, { alias: 'cc', name: nameFlag('Cloud-Config'), more: [] }),
  ...commandsOf(kinds.cpi, { more: [noRedact] }),
  ...commandsOf(kinds.runtime, { alias: 'rc', name: nameFlag('Runtime-Config'), more: [noRedact, fixReleases] }),
];

/** One to show the config, one to replace it. */
function commandsOf(kind: Kind, { alias, name, more }: { alias?: string; name?: FlagSpec; more: readonly FlagSpec[] }) {
  const named = name === undefined ? [] : [name];
  const command = kind.words.replace(' ', '-');
  const title = kind.words.replace('cpi', 'CPI');
  return [
    {
      name: command,
      aliases: alias === undefined ? [] : [alias],
      text: `Show current ${title}`,
      flags: named,
      run: (context: Context, given: Given) => show(kind, context, given),
    },
    {
      name: `update-${command}`,
      aliases: alias === undefined ? [] : [`u${alias}`],
      text: `Update current ${title}`,
      args: [{ name: 'PATH' }],
      flags: [...templateFlags, ...named, ...more],
      run: (context: Context, given: Given) => update(kind, context, given),
    },
  ];
}

async function show(kind: Kind, { ui, session }: Context, given: Given): Promise<void> {
  const name = given.text('name');
  const path = pathOf(kind.path, kind, name, { limit: '1' });
  const [config] = await fetching<LegacyConfig[]>(await session.director(), `Finding ${kind.words}s`, path);
  if (config === undefined) throw new CliError(kind.absent(name));
  ui.block(config.properties);
}

async function update(kind: Kind, context: Context, given: Given): Promise<void> {
  const { ui, session } = context;
  const client = await session.director();
  const name = given.text('name');
  const post = (path: string, body: string) =>
    ({ method: 'POST', path, headers: { 'content-type': mediaTypes.yaml }, body }) as const;
  let { text: content } = await evaluateText(context, given.arg(0), given, kind.words);
  const redact = given.on('no-redact') ? { redact: 'false' } : {};
  const { diff } = await during(
    'Fetching diff result',
    client.json<ConfigDiff>(post(pathOf(`${kind.path}/diff`, kind, name, redact), content)),
  );
  showDiff(ui, diff);
  if (kind === kinds.runtime) {
    const { uploadReleasesOf } = await import('../release-uploads.ts');
    content = await uploadReleasesOf(context, content, { fix: given.on('fix-releases') });
  }
  await ui.confirm();
  await during(`Updating ${kind.words}`, client.call(post(pathOf(kind.path, kind, name), content)));
}

/** A name is sent where there may be one, an empty one too. */
function pathOf(path: string, kind: Kind, name: string, more: Record<string, string> = {}): string {
  if (!kind.named) return withQuery(path, more);
  const query = new URLSearchParams({ ...more, name });
  query.sort();
  return `${path}?${query.toString()}`;
}
