import type { NetworkSettings } from '../../agent/protocol.ts';
import { vmCloudProperties } from '../../manifests/cloud-config.ts';
import type { WatchMs } from '../../manifests/update-policy.ts';
import type { YamlMap, YamlValue } from '../../manifests/value.ts';
import { bareWork, type InstanceWork, type JobsWork, type MachineShape } from '../execute/work.ts';
import type { VmShape } from '../plan/changes.ts';
import { sameValue } from '../plan/equal.ts';
import type { InstanceSpec } from '../plan/instance-spec.ts';
import type { WantedDeployment } from '../plan/wanted.ts';
import type { Variables } from '../plan/variable-values.ts';
import type { Instance } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { DeployDeps } from './deploy-deps.ts';
import { gone } from './gone.ts';
import { addressesChanged, groupMissing, neverUpdated, stemcellMissing } from './instance-errors.ts';
import { resolve } from './resolve.ts';
import { stemcellOf } from './stemcells.ts';
import { textsOnRecord } from './texts-on-record.ts';
import { DeployVariables } from './variables/deploy-variables.ts';
import { allFormerOf } from './variables/late.ts';

/** An instance to be brought back to what it last was, not to what is wanted now. */
export interface FormerWork {
  work: InstanceWork;
  shape: VmShape;
  variables: Variables;
  watch: WatchMs;
  canaryWatch: WatchMs;
  errand: boolean;
}

/** Of one instance; of several: `formerDeployment`. */
export async function formerWork(instance: Instance, deps: DeployDeps, task: TaskContext): Promise<FormerWork> {
  return (await formerDeployment(instance.deployment, deps, task)).workOf(instance);
}

/** A deployment as its last deploy that succeeded has made it: looked up once, for however many of its instances. */
export interface FormerDeployment {
  /** Null: none has succeeded. */
  wanted: WantedDeployment | null;
  workOf(instance: Instance): Promise<FormerWork>;
}

export async function formerDeployment(name: string, deps: DeployDeps, task: TaskContext): Promise<FormerDeployment> {
  const former = await formerlyWanted(name, deps, task);
  return {
    wanted: former?.wanted ?? null,
    workOf: async (instance) => {
      if (former === null || instance.spec === null) throw neverUpdated(instance);
      return workOf(instance, instance.spec as FormerSpec, { ...former, task }); // baseSpec made it
    },
  };
}

interface Former {
  wanted: WantedDeployment;
  variables: DeployVariables;
}

async function formerlyWanted(name: string, deps: DeployDeps, task: TaskContext): Promise<Former | null> {
  const { store } = task;
  const deployment = await store.deployments.get(name);
  if (deployment === undefined) throw gone(name);
  if (deployment.manifest === null) return null;
  const variables = await DeployVariables.kept(name, deps, task);
  const texts = await textsOnRecord({ ...deployment, manifest: deployment.manifest }, store);
  const { wanted } = await resolve(texts, {
    ...deps,
    store,
    task,
    variables,
    directorName: deps.settings.directorName,
  });
  return { wanted, variables };
}

/**
 * Its jobs, packages, addresses and stemcell are those that were last applied; the size of its VM and the times to
 * watch it are those of the last deploy that succeeded.
 */
async function workOf(
  instance: Instance,
  spec: FormerSpec,
  { wanted, variables, task }: Former & { task: TaskContext },
): Promise<FormerWork> {
  const group = wanted.groups.find((candidate) => candidate.group.name === instance.group);
  if (group === undefined) throw groupMissing(instance);
  const { update, lifecycle, env, tags } = group.group;
  const az = instance.az === null ? undefined : wanted.cloud.azs.get(instance.az);
  const machine: MachineShape = {
    cpi: az?.cpi ?? '',
    stemcell: await formerStemcell(spec.stemcell, az?.cpi ?? '', task),
    cloudProperties: vmCloudProperties(az?.cloudProperties, group.vmProperties, ...group.extensionProperties),
    networks: spec.networks,
    env: spec.env ?? env,
    tags: { ...wanted.tags, ...tags },
  };
  const { stemcell, cloudProperties, networks } = machine;
  await variables.knowFormer(allFormerOf(instance));
  const set = await variables.anySet([cloudProperties, networks, machine.env] as YamlValue, [
    instance.variableSet ?? null,
    variables.set,
  ]);
  const own: Variables = { values: variables.values, set };
  task.conceal(own.values.texts());
  return {
    work: { ...bareWork(instance), variables: own, machine, jobs: formerJobs(instance, spec) },
    variables: own,
    shape: { stemcell, cloudProperties, networks, env: machine.env },
    watch: update.updateWatchMs,
    canaryWatch: update.canaryWatchMs,
    errand: lifecycle === 'errand',
  };
}

type FormerSpec = InstanceSpec & {
  stemcell: { name: string; version: string };
  networks: Record<string, NetworkSettings>;
  env?: YamlMap;
};

async function formerStemcell({ name, version }: FormerSpec['stemcell'], cpi: string, { store }: TaskContext) {
  const [found] = await store.stemcells.find(name, version, cpi);
  if (found === undefined) throw stemcellMissing(`${name}/${version}`);
  return stemcellOf(found);
}

/** Nothing is rendered: the archive of the last update is kept until the next one. */
function formerJobs(instance: Instance, spec: FormerSpec): JobsWork {
  return {
    spec,
    linkGroups: null,
    withArchive: () => Promise.resolve(spec),
    learnNetworks: (known) => {
      const ips = (networks: Readonly<Record<string, NetworkSettings>>) =>
        Object.fromEntries(Object.keys(spec.networks).map((name) => [name, networks[name]?.ip]));
      // Templates tell addresses to jobs, and only a deploy renders them anew.
      return sameValue(ips(known), ips(spec.networks)) ? Promise.resolve() : Promise.reject(addressesChanged(instance));
    },
  };
}
