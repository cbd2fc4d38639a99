import type { AgentState, NetworkSettings, PackageRef } from '../../agent/protocol.ts';
import type { WantedState } from '../../manifests/instance-group.ts';
import { vmCloudProperties } from '../../manifests/cloud-config.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { Instance, PersistentDisk, Vm } from '../store/instances.ts';
import { activeVm, type ActualInstance } from './actual.ts';
import { differingFilled, sameFilled } from './compare-filled.ts';
import { differingKeys, sameValue } from './equal.ts';
import { jobSpec, stemcellFor, type InstanceSpec } from './instance-spec.ts';
import type { LaidOutInstance } from './layout.ts';
import type { Change } from './step.ts';
import type { Variables } from './variable-values.ts';
import type { DeployOptions, WantedDeployment, WantedDisk, WantedGroup } from './wanted.ts';

/** Everything that is wanted of one instance, ready to be compared. */
export interface WantedInstance {
  deployment: WantedDeployment;
  group: WantedGroup;
  layout: LaidOutInstance;
  networks: Readonly<Record<string, NetworkSettings>>;
  /** Null values: not compiled yet. */
  packages: Readonly<Record<string, PackageRef | null>>;
  rendered: { configurationHash: string; templateHashes: Readonly<Record<string, string>> };
  /** DNS has other records of it than it should. */
  namesDiffer: boolean;
  /** What the operator or manifest asks for; null: as it is. */
  stateWish: WantedState | null;
  tags: Readonly<Record<string, string>>;
  /** For what has placeholders still: machines and disks. */
  variables: Variables;
}

/** What the CPI would be asked for, were the VM made now. */
export interface VmShape {
  stemcell: { name: string; version: string };
  cloudProperties: YamlMap;
  networks: Readonly<Record<string, NetworkSettings>>;
  env: YamlMap;
}

export function vmShape({
  deployment,
  group,
  layout,
  networks,
}: Pick<WantedInstance, 'deployment' | 'group' | 'layout' | 'networks'>): VmShape {
  const az = layout.az === null ? undefined : deployment.cloud.azs.get(layout.az)?.cloudProperties;
  const stemcell = stemcellFor(deployment, group, layout.az);
  return {
    stemcell: { name: stemcell.name, version: stemcell.version },
    cloudProperties: vmCloudProperties(az, group.vmProperties, ...group.extensionProperties),
    networks,
    env: group.group.env,
  };
}

/** Reasons to replace a VM: nothing of these can be changed while it lives. */
export function shapeChanges(vm: Vm, shape: VmShape, variables: Variables): Change[] {
  const changes: Change[] = [];
  const properties = differingFilled(
    { value: vm.cloudProperties, set: vm.variableSet },
    shape.cloudProperties,
    variables,
  );
  if (properties.length > 0)
    changes.push({ kind: 'cloud_properties', reason: `cloud properties changed: ${properties.join(', ')}` });
  if (vm.stemcell.name !== shape.stemcell.name || vm.stemcell.version !== shape.stemcell.version) {
    const from = `${vm.stemcell.name}/${vm.stemcell.version}`;
    changes.push({ kind: 'stemcell', reason: `stemcell ${from} -> ${shape.stemcell.name}/${shape.stemcell.version}` });
  }
  const env = differingFilled({ value: vm.env, set: vm.variableSet }, shape.env, variables);
  if (env.length > 0) changes.push({ kind: 'env', reason: `env changed: ${env.join(', ')}` });
  const network = networkReason(vm, shape.networks, variables);
  if (network !== null) changes.push({ kind: 'network', reason: network });
  return changes;
}

function networkReason(
  { networks: from, variableSet }: Pick<Vm, 'networks' | 'variableSet'>,
  to: Readonly<Record<string, NetworkSettings>>,
  variables: Variables,
): string | null {
  const lasting = (all: Readonly<Record<string, NetworkSettings>>) =>
    Object.fromEntries(Object.entries(all).map(([name, settings]) => [name, withoutChosen(settings)]));
  const was = lasting(from as Record<string, NetworkSettings>); // rows hold what the CPI was given
  const shall = lasting(to);
  const names = differingFilled({ value: was, set: variableSet }, shall, variables);
  if (names.length === 0) return null;
  const parts = names.map((name) => {
    const [before, after] = [was[name], shall[name]];
    if (before === undefined) return `network "${name}" is new`;
    if (after === undefined) return `network "${name}" is gone`;
    if (before['ip'] !== after['ip']) return `address on "${name}" ${String(before['ip'])} -> ${String(after['ip'])}`;
    return `network "${name}" changed: ${differingKeys(before, after).join(', ')}`;
  });
  return parts.join('; ');
}

/** What the infrastructure chose is no wish of ours; and the DNS name follows from the rest. */
function withoutChosen({ dns_record_name: _dnsName, ...settings }: NetworkSettings): Record<string, unknown> {
  if (settings.type !== 'dynamic') return settings;
  const { ip: _ip, netmask: _netmask, gateway: _gateway, ...lasting } = settings;
  return lasting;
}

/** In BOSH's order; empty: nothing to do. For an instance that exists. */
export function changesOf(wanted: WantedInstance, actual: ActualInstance, options: DeployOptions): Change[] {
  const { instance, agent } = actual;
  const vm = activeVm(instance);
  const changes: Change[] = [];
  if (!instance.updateCompleted) changes.push({ kind: 'dirty', reason: 'its last update did not complete' });
  if (wanted.stateWish === 'restart') changes.push({ kind: 'restart', reason: 'asked for' });
  const recreate = recreateReason(wanted, actual, options);
  if (recreate !== null) changes.push({ kind: 'recreate', reason: recreate });
  if (options.recreatePersistentDisks && wanted.group.disks.length > 0) {
    changes.push({ kind: 'recreate_persistent_disks', reason: 'asked for' });
  }
  const shape = vm === null ? [] : shapeChanges(vm, vmShape(wanted), wanted.variables);
  changes.push(...shape);
  const freed =
    wanted.layout.obsoleteAddresses.length > 0 ||
    wanted.layout.reservations.some(({ address, held }) => address !== null && !held);
  if (freed && !shape.some(({ kind }) => kind === 'network'))
    changes.push({ kind: 'network', reason: 'addresses changed' });

  const state = agent.kind === 'answered' ? agent.state : null;
  if (state !== null) changes.push(...packageChanges(wanted.packages, state));
  for (const { reason } of diskChanges(wanted, actual, options)) changes.push({ kind: 'persistent_disk', reason });
  const hash = instance.spec?.['configuration_hash'];
  if (hash !== wanted.rendered.configurationHash)
    changes.push({ kind: 'configuration', reason: templateReason(wanted, instance.spec) });
  if (state !== null) changes.push(...jobChanges(wanted.group, state));
  const stateReason = stateChange(wanted, actual);
  if (stateReason !== null) changes.push({ kind: 'state', reason: stateReason });
  if (wanted.namesDiffer) changes.push({ kind: 'dns', reason: 'its DNS records changed' });
  changes.push(...tagChanges(wanted, instance.spec));
  return changes;
}

function recreateReason(
  { stateWish }: WantedInstance,
  { instance, agent }: ActualInstance,
  options: DeployOptions,
): string | null {
  if (agent.kind === 'silent') return `its agent does not answer (${agent.reason})`;
  if (!options.recreate && stateWish !== 'recreate') return null;
  const limitMs = options.recreateCreatedBeforeMs;
  const vm = activeVm(instance);
  const spared = limitMs !== null && instance.updateCompleted && vm !== null && vm.createdAtMs >= limitMs;
  return spared ? null : 'asked for';
}

function packageChanges(packages: WantedInstance['packages'], state: AgentState): Change[] {
  const has = state.packages ?? {};
  const names = [...new Set([...Object.keys(packages), ...Object.keys(has)])].sort();
  const differing = names.filter((name) => {
    const [wanted, actual] = [packages[name], has[name]];
    if (wanted === undefined || wanted === null || actual === undefined) return true;
    return (
      wanted.version !== actual.version || wanted.sha1 !== actual.sha1 || wanted.blobstore_id !== actual.blobstore_id
    );
  });
  return differing.length === 0 ? [] : [{ kind: 'packages', reason: `packages changed: ${differing.join(', ')}` }];
}

function templateReason({ rendered }: WantedInstance, spec: InstanceSpec | null): string {
  const before = (spec?.['template_hashes'] ?? {}) as Record<string, string>;
  const jobs = differingKeys(before, rendered.templateHashes);
  return jobs.length === 0 ? 'rendered templates changed' : `templates changed of ${jobs.join(', ')}`;
}

function jobChanges(group: WantedGroup, state: AgentState): Change[] {
  const wanted = jobSpec(group);
  const essence = (job: AgentState['job'] | null) =>
    job == null || job.name === undefined
      ? null
      : {
          name: job.name,
          templates: [...job.templates]
            .map(({ name, version, sha1, blobstore_id }) => ({ name, version, sha1, blobstore_id }))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
        };
  if (sameValue(essence(state.job), essence(wanted))) return [];
  const names = (job: AgentState['job'] | null) =>
    new Map((job?.templates ?? []).map(({ name, version }) => [name, version]));
  const [was, shall] = [names(state.job), names(wanted)];
  const differing = [...new Set([...was.keys(), ...shall.keys()])]
    .filter((name) => was.get(name) !== shall.get(name))
    .sort();
  return [{ kind: 'job', reason: differing.length === 0 ? 'jobs changed' : `jobs changed: ${differing.join(', ')}` }];
}

/** What was never applied has no tags to compare: its VM gets the present ones when it is made. */
function tagChanges({ tags }: WantedInstance, spec: InstanceSpec | null): Change[] {
  if (spec === null) return [];
  const names = differingKeys((spec['tags'] ?? {}) as Record<string, unknown>, tags); // baseSpec wrote them
  return names.length === 0 ? [] : [{ kind: 'tags', reason: `tags changed: ${names.join(', ')}` }];
}

export interface DiskChange {
  name: string;
  from: PersistentDisk | null;
  to: WantedDisk | null;
  reason: string;
}

/** Disks to make, replace or give up. */
export function diskChanges(
  { group, variables }: WantedInstance,
  { instance }: ActualInstance,
  options: DeployOptions,
): DiskChange[] {
  const actual = new Map(
    instance.disks.filter(({ active, state }) => active && state === 'live').map((disk) => [disk.name, disk]),
  );
  const changes: DiskChange[] = [];
  for (const to of group.disks) {
    const from = actual.get(to.name) ?? null;
    actual.delete(to.name);
    const label = diskLabel(to.name);
    if (from === null) changes.push({ name: to.name, from, to, reason: `${label} of ${to.sizeMib} MiB is new` });
    else if (from.sizeMib !== to.sizeMib)
      changes.push({ name: to.name, from, to, reason: `${label} ${from.sizeMib} MiB -> ${to.sizeMib} MiB` });
    else if (!sameFilled({ value: from.cloudProperties, set: from.variableSet }, to.cloudProperties, variables)) {
      changes.push({ name: to.name, from, to, reason: `cloud properties of the ${label} changed` });
    } else if (options.recreatePersistentDisks)
      changes.push({ name: to.name, from, to, reason: `${label} shall be made anew` });
  }
  for (const from of actual.values())
    changes.push({ name: from.name, from, to: null, reason: `${diskLabel(from.name)} is no longer wanted` });
  return changes;
}

function diskLabel(name: string): string {
  return name === '' ? 'persistent disk' : `persistent disk "${name}"`;
}

/** The state that is stored: acts end in `started`. */
export function settledState(wish: WantedState | null, instance: Pick<Instance, 'state'> | null): Instance['state'] {
  if (wish === null) return instance?.state ?? 'started';
  return wish === 'recreate' || wish === 'restart' ? 'started' : wish;
}

function stateChange({ stateWish }: WantedInstance, { instance, agent }: ActualInstance): string | null {
  const wanted = settledState(stateWish, instance);
  const jobs = agent.kind === 'answered' ? agent.state.job_state : null;
  if (wanted === 'detached') return instance.state === 'detached' ? null : 'shall be stopped, without a VM';
  if (wanted === 'stopped' && agent.kind === 'none') return 'has no VM';
  if (wanted === 'stopped') return jobs === 'running' || instance.state !== 'stopped' ? 'shall be stopped' : null;
  if (agent.kind === 'none') return 'has no VM';
  return jobs === 'running' ? null : `its jobs are ${jobs ?? 'unknown'}, and shall run`;
}
