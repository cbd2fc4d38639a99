import type { Config } from '../../director/api/contract/configs.ts';
import type { DeploymentDiff, DeployQuery } from '../../director/api/contract/deployments.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import { isMap, type YamlValue } from '../../manifests/value.ts';
import type { CommandSpec } from '../command.ts';
import type { FlagSpec, Given } from '../given.ts';
import type { Context } from '../context.ts';
import { diffText, showDiff } from '../diff-text.ts';
import { CliError, during } from '../failure.ts';
import { showPlan } from '../show-plan.ts';
import { withQuery } from '../query.ts';
import { evaluateText, templateFlags } from '../template.ts';

const flags: readonly FlagSpec[] = [
  ...templateFlags,
  { name: 'no-redact', text: 'Show non-redacted manifest diff' },
  { name: 'recreate', text: 'Recreate all VMs in deployment' },
  { name: 'recreate-persistent-disks', text: 'Recreate all persistent disks in deployment' },
  {
    name: 'recreate-vms-created-before',
    value: 'TIME',
    text: 'Only recreate VMs created before the given RFC 3339 timestamp',
  },
  { name: 'fix', text: 'Recreate an instance with an unresponsive agent instead of erroring' },
  { name: 'fix-releases', text: 'Reupload releases in manifest and replace corrupt or missing jobs/packages' },
  {
    name: 'skip-drain',
    value: 'GROUP[/ID]',
    many: true,
    whenBare: '*',
    text: 'Skip running drain and pre-stop scripts for specific instance groups',
  },
  { name: 'skip-upload-releases', text: 'Skips the upload procedure for releases' },
  { name: 'canaries', value: 'N', text: 'Override manifest values for canaries' },
  { name: 'max-in-flight', value: 'N', text: 'Override manifest values for max_in_flight' },
  { name: 'force-latest-variables', text: 'Retrieve the latest variable values from the config server' },
];

export const deployCommands: readonly CommandSpec[] = [
  {
    name: 'deploy',
    aliases: ['d'],
    text: 'Update deployment',
    args: [{ name: 'PATH' }],
    flags: [...flags, { name: 'dry-run', text: 'Show what would be done and render job templates; change nothing' }],
    run: async (context, given) => {
      await deploy(context, given, { dryRun: given.on('dry-run') });
    },
  },
  {
    name: 'plan',
    text: 'Show what a deploy would do to which instance, and why',
    args: [{ name: 'PATH' }],
    flags: [...flags, { name: 'diff', text: 'Show the difference between manifests too' }],
    run: async (context, given) => {
      showPlan(context, await deploy(context, given, { dryRun: true, planOnly: true }));
    },
  },
];

/** Gives the result of the task: the plan, for a dry run. */
async function deploy(
  context: Context,
  given: Given,
  { dryRun, planOnly = false }: { dryRun: boolean; planOnly?: boolean },
): Promise<string> {
  const { ui, session } = context;
  const client = await session.director();
  const deployment = await session.deployment();
  const on = await withFlagsOfConfigs(context, deployment, given);
  const { text, file } = await evaluateText(context, given.arg(0), given, 'manifest');
  await checkName(text, deployment);
  let manifest = text;
  if (on('skip-upload-releases') && !on('fix-releases')) ui.line('Release-Check skipped.');
  else {
    const { uploadReleasesOf } = await import('../release-uploads.ts');
    manifest = await uploadReleasesOf(context, manifest, { fix: on('fix-releases') });
  }
  const yaml = { method: 'POST', headers: { 'content-type': mediaTypes.yaml }, body: manifest } as const;
  const redact = { redact: String(!given.on('no-redact')) };
  const diff = await during(
    'Fetching diff result',
    client.json<DeploymentDiff>({ ...yaml, path: withQuery(paths.deploymentDiff(deployment), redact) }),
  );
  if (diff.error !== undefined) throw new CliError('Fetching diff result', new CliError(diff.error));
  if (!planOnly) showDiff(ui, diff.diff);
  else if (given.on('diff')) ui.block(diffText(diff.diff)); // asked for: for programs too
  if (!dryRun) await ui.confirm();
  const before = given.text('recreate-vms-created-before');
  const flag = (name: string) => (on(name) ? ('true' as const) : undefined);
  const query = {
    recreate: on('recreate') || before !== '' ? 'true' : undefined,
    recreate_persistent_disks: flag('recreate-persistent-disks'),
    recreate_vms_created_before: before === '' ? undefined : rfc3339(before),
    fix: flag('fix'),
    skip_drain: given.on('skip-drain') ? skipDrain(given.list('skip-drain')) : undefined,
    canaries: given.text('canaries') || undefined,
    max_in_flight: given.text('max-in-flight') || undefined,
    dry_run: dryRun ? 'true' : undefined,
    force_latest_variables: flag('force-latest-variables'),
    context: diff.context === undefined ? undefined : JSON.stringify(diff.context),
  } as const satisfies { [K in keyof Required<DeployQuery>]: DeployQuery[K] | undefined };
  if (planOnly) ui.status([{ text: 'Asking the director for its plan ...', faint: true }]);
  const call = { ...yaml, path: withQuery(paths.deployments, query) };
  const { ownLines } = await import('../own-lines.ts');
  const lineOf = ownLines(file, await valueOf(manifest));
  try {
    return await during(
      planOnly ? 'Planning the deployment' : 'Updating deployment',
      session.run(call, { quiet: planOnly, lineOf }),
    );
  } finally {
    if (planOnly) ui.status([]); // else it would be drawn again below all that follows
  }
}

async function valueOf(manifest: string): Promise<YamlValue> {
  const { readYaml } = await import('../../manifests/yaml.ts');
  return readYaml(manifest, 'manifest').value;
}

async function checkName(manifest: string, deployment: string): Promise<void> {
  const value = await valueOf(manifest);
  const name = isMap(value) && typeof value['name'] === 'string' ? value['name'] : '';
  if (name !== deployment)
    throw new CliError(`Expected manifest to specify deployment name '${deployment}' but was '${name}'`);
}

const configurable = ['fix-releases', 'fix', 'recreate', 'recreate-persistent-disks', 'skip-upload-releases'];

/** Configs of the type `deploy` switch flags on for some deployments. A director without configs just has none. */
async function withFlagsOfConfigs(
  { ui, session }: Context,
  deployment: string,
  given: Given,
): Promise<(flag: string) => boolean> {
  const client = await session.director();
  const path = withQuery(paths.configs, { type: 'deploy', limit: '1', latest: 'true' });
  const configs = await client.get<Config[]>(path).catch((): Config[] => []);
  const flagsOn = new Set<string>();
  const { readYaml } = configs.length === 0 ? { readYaml: undefined } : await import('../../manifests/yaml.ts');
  for (const { type, name, content } of configs) {
    const value = readYaml?.(content, `config ${type}/${name}`).value;
    if (!isMap(value)) continue;
    const [include, exclude] = [value['include'], value['exclude']];
    if (Array.isArray(include) && Array.isArray(exclude)) {
      ui.line(
        `Ignoring deployment flags from config of type '${type}' (name: '${name}'). ` +
          `Please use only 'include'- OR 'exclude'-property in the config.`,
      );
      continue;
    }
    if (Array.isArray(include) && !include.includes(deployment)) continue;
    if (Array.isArray(exclude) && exclude.includes(deployment)) continue;
    ui.errorLine(`Using deployment flags from config of type '${type}' (name: '${name}')`);
    const listed = Array.isArray(value['flags']) ? value['flags'] : [];
    for (const flag of listed) if (typeof flag === 'string' && configurable.includes(flag)) flagsOn.add(flag);
  }
  return (flag) => given.on(flag) || flagsOn.has(flag);
}

const skipDrain = (slugs: readonly string[]) => (slugs.includes('*') ? '*' : slugs.join(','));

/** Checked here, since the director's word comes only after the diff. */
export function rfc3339(time: string): string {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(time) && !Number.isNaN(Date.parse(time)))
    return time;
  throw new CliError(`Invalid RFC 3339 timestamp '${time}'`);
}
