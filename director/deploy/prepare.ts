import { didYouMeanOf } from '../../common/suggest.ts';
import { observe, refuseSilent } from '../observe/observe.ts';
import type { ActualDeployment } from '../plan/actual.ts';
import type { Layout } from '../plan/layout.ts';
import type { DeployOptions } from '../plan/wanted.ts';
import type { UpdateDeploymentArgs } from '../api/deploy-args.ts';
import type { DnsRecord } from '../store/dns.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { DeployDeps } from './deploy-deps.ts';
import { warningsOf } from './collected-faults.ts';
import { gone } from './gone.ts';
import { linkUp, type Linked } from './link-up.ts';
import { layOutOnRecord } from './record-layout.ts';
import { resolve, type Resolved } from './resolve.ts';
import { usedIn } from './still-used.ts';
import { resolveOnRecord } from './resolve-on-record.ts';
import { DeployVariables } from './variables/deploy-variables.ts';
import { generateVariables } from './variables/generate.ts';
import { fillLate, type Filled } from './variables/late.ts';
import { rehearsalOf } from './variables/rehearsal.ts';

/** Everything that is known before templates are rendered. */
export interface Prepared {
  resolved: Resolved;
  actual: ActualDeployment;
  layout: Layout;
  /** With values instead of placeholders in what links tell. */
  linked: Linked;
  /** As they are. */
  dnsRecords: ReadonlyMap<string, readonly DnsRecord[]>;
  variables: DeployVariables;
  /** Properties of jobs, with values instead of placeholders. */
  filled: Filled;
}

/** Resolves what is wanted, observes what is, and decides who is where. */
export async function prepare(
  name: string,
  args: UpdateDeploymentArgs,
  options: DeployOptions,
  { deps, task }: { deps: DeployDeps; task: TaskContext },
): Promise<Prepared> {
  const { store, signal, events } = task;
  const deployment = await store.deployments.get(name);
  if (deployment === undefined) throw gone(name);
  const configs = async (ids: readonly number[]) => (await store.configs.getAll(ids)).map(({ content }) => content);
  const texts = {
    manifest: args.manifestText,
    cloudConfigs: await configs(args.cloudConfigIds),
    runtimeConfigs: await configs(args.runtimeConfigIds),
    teams: deployment.teams,
    firstDeploy: deployment.manifest === null,
    versions: args.versions,
  };
  const variables = await variablesFor(name, args, options, { deps, task });
  const resolveDeps = { ...deps, store, task, variables, directorName: deps.settings.directorName };
  const warn = (warnings: readonly string[]) => warnings.forEach((warning) => events.warning(warning));
  const resolving = options.dryRun
    ? resolve(texts, resolveDeps)
    : resolveOnRecord(texts, deployment, { deps: resolveDeps, task, name });
  const resolved = await resolving.catch((thrown: unknown) => {
    warn(warningsOf(thrown)); // what was ignored may be what is missing
    throw thrown;
  });
  warn(resolved.warnings);
  warn(unknownGroups(options, resolved));
  const { agents, clock } = deps;
  const observed = await observe(name, { store, signal, agents, clock, warn: (warning) => warn([warning]) });
  if (!options.fix) refuseSilent(observed.instances, name);
  const { dryRun } = options;
  const { layout, actual } = await layOutOnRecord(resolved.wanted, observed, { task, chance: deps.chance, dryRun });
  const linked = await linkUp(resolved.wanted, layout, { task, nowMs: clock.now(), records: !dryRun });
  warn(linked.warnings);
  const stemcellsChanged = args.options.forceLatestVariables || !sharesStemcell(actual, resolved);
  const converge = resolved.wanted.features.convergeVariables;
  await generateVariables(resolved.variables, variables, { converge, stemcellsChanged }, task);
  const filled = await fillLate(resolved, linked.links, variables, { actual, jobs: deps.jobs });
  task.conceal(variables.values.texts());
  return {
    resolved,
    actual,
    layout,
    linked: { ...linked, links: filled.links },
    dnsRecords: await store.dns.records(name),
    variables,
    filled,
  };
}

/** Only a deploy takes new versions: changes of state go with those of the last one that has succeeded. */
function variablesFor(
  name: string,
  { stateChanges }: UpdateDeploymentArgs,
  { dryRun }: DeployOptions,
  { deps, task }: { deps: DeployDeps; task: TaskContext },
): Promise<DeployVariables> {
  if (stateChanges.length > 0) return DeployVariables.kept(name, deps, task);
  if (!dryRun) return DeployVariables.begin(name, 'new', deps, task);
  const rehearsing = { ...deps, configServer: rehearsalOf(deps.configServer, deps.clock) };
  return DeployVariables.begin(name, 'rehearsed', rehearsing, task);
}

/** With what some instance was last updated with. */
function sharesStemcell({ instances }: ActualDeployment, { stemcells }: Resolved): boolean {
  const wanted = new Set(stemcells.map(({ name, version }) => `${name}/${version}`));
  return instances.some(({ instance }) => {
    const { stemcell } = usedIn(instance.spec);
    return stemcell !== undefined && wanted.has(`${stemcell.name}/${stemcell.version}`);
  });
}

/** As in BOSH, a state for what there is not is nothing to do; it may be a slip all the same. */
function unknownGroups({ states }: DeployOptions, { wanted }: Resolved): string[] {
  const known = wanted.groups.map(({ group }) => group.name);
  const unknown = new Set(states.flatMap(({ group }) => (group === null || known.includes(group) ? [] : [group])));
  return [...unknown].map((name) => {
    const { suggestion } = didYouMeanOf(name, known);
    return `there is no instance group "${name}"${suggestion === undefined ? '' : ` (${suggestion})`}`;
  });
}
