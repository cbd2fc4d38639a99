import { OperatorError, messageOf } from '../../../common/errors.ts';
import { id, type AgentId, type VmCid } from '../../../common/ids.ts';
import type { VmSpec } from '../../../cpi/cpi.ts';
import { CpiError, isCpiError, isUnsupported } from '../../../cpi/errors.ts';
import { canonicalName } from '../../../manifests/canonical-name.ts';
import type { YamlMap } from '../../../manifests/value.ts';
import { activeVm, unfinishedVm } from '../../plan/actual.ts';
import type { Vm } from '../../store/instances.ts';
import { filledFor, setFor } from '../filled.ts';
import type { MachineShape, StepIo } from '../work.ts';
import { forgetVm, isForeverUnknown, leaveVmBehind, refuseLostAddresses } from './left-behind.ts';

/**
 * INVARIANTS
 * - A VM's row, with the agent id that we chose, is there before the CPI is asked: a crash leaves an id to ask for again.
 * - A row goes only when the infrastructure has said that the VM is gone, or that it was never made.
 * - `active` moves to a new VM only after its agent has answered.
 */
export async function createVm(io: StepIo): Promise<void> {
  const { work, task, chance, clock } = io;
  const machine = machineOf(io);
  refuseLostAddresses(io, machine.networks);
  const agentId = id<AgentId>(chance.uuid());
  const vm: Omit<Vm, 'problem'> = {
    agentId,
    cid: null,
    instanceId: work.instance.id,
    state: 'creating',
    active: false,
    cpi: machine.cpi,
    stemcell: {
      name: machine.stemcell.name,
      version: machine.stemcell.version,
      cid: machine.stemcell.cid,
      apiVersion: machine.stemcell.apiVersion,
    },
    cloudProperties: machine.cloudProperties,
    networks: machine.networks,
    env: machine.env,
    ...setFor(work, machine.cloudProperties, machine.networks, machine.env),
    permanentCredentials: false,
    createdAtMs: clock.now(),
  };
  await task.store.instances.recordVm(vm);
  work.instance.vms.push({ ...vm, problem: null });
  await askForVm(io, agentId, { first: true });
}

/**
 * Makes sure that the infrastructure has made the VM of this agent, asking again where the answer was lost. When it
 * definitely could not, nothing of it is left: neither there nor in the store. Where nobody will ever know, it is given
 * up, with its addresses.
 */
async function askForVm(io: StepIo, agentId: AgentId, { first }: { first: boolean }): Promise<VmCid> {
  const { work, task, cpis } = io;
  const vm = work.instance.vms.find((candidate) => candidate.agentId === agentId);
  if (vm === undefined) throw new Error(`no VM of agent ${agentId} is on record`);
  if (vm.cid !== null) return vm.cid;
  const parentId = await task.record({
    action: 'create',
    objectType: 'vm',
    deployment: work.instance.deployment,
    instance: work.label,
  });
  const ended = (error?: string) =>
    task.record({
      action: 'create',
      objectType: 'vm',
      objectName: vm.cid,
      deployment: work.instance.deployment,
      instance: work.label,
      parentId,
      ...(error === undefined ? {} : { error }),
    });
  try {
    const spec = await vmSpec(io, vm);
    const { vmCid } = await withRetries(io, () => cpis.named(vm.cpi, task, vm.stemcell).createVm(spec, task.signal));
    vm.cid = vmCid;
    await task.store.instances.updateVm(agentId, { cid: vmCid, problem: null });
    await ended();
    return vmCid;
  } catch (thrown) {
    // A refusal of the first call means that nothing was made. Of a later one it does not: an earlier call may have
    // made it. Anything that is no refusal leaves the row, too.
    if (first && thrown instanceof CpiError) await forgetVm(io, agentId);
    else if (isForeverUnknown(thrown)) await leaveVmBehind(io, vm, messageOf(thrown));
    else await task.store.instances.updateVm(agentId, { problem: messageOf(thrown) });
    await ended(messageOf(thrown));
    throw thrown;
  }
}

async function withRetries<T>({ settings, task }: StepIo, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (thrown) {
      const again = isCpiError(thrown, 'VMCreationFailed') && thrown.retryable && tries < settings.createVmTriesMax;
      if (!again) throw thrown;
      task.debug(`creating the VM failed, try ${tries} of ${settings.createVmTriesMax}: ${messageOf(thrown)}`);
      task.checkpoint();
    }
  }
}

/** What the CPI is asked for. Its agent may speak from here on: it may be up before the CPI has answered. */
async function vmSpec(io: StepIo, vm: Vm): Promise<VmSpec> {
  const { work, bus } = io;
  await bus.permit(vm.agentId, { bootstrap: true });
  const disks = work.instance.disks.filter(({ active, state }) => active && state === 'live');
  return {
    agentId: vm.agentId,
    stemcellCid: vm.stemcell.cid,
    cloudProperties: filledFor(work, vm.cloudProperties, vm),
    networks: filledFor(work, vm.networks, vm) as VmSpec['networks'], // the column holds what networkSettings made
    diskCids: disks.flatMap(({ cid }) => (cid === null ? [] : [cid])),
    env: environment(io, filledFor(work, vm.env, vm) as YamlMap, await bus.issueCredentials(vm.agentId, 'bootstrap')),
  };
}

/** `env` of the VM: the manifest's, with what every machine of ours has under `bosh`. */
function environment({ work, settings, bus, blobs }: StepIo, env: YamlMap, cert: object): Record<string, unknown> {
  const own = (env['bosh'] ?? {}) as YamlMap;
  const { deployment, group } = work.instance;
  const canonical = (...parts: string[]) => canonicalName(parts.join('-'));
  const director = settings.directorName;
  const tags = work.machine?.tags ?? {};
  return {
    ...env,
    bosh: {
      blobstores: [blobs.agentSettings()],
      ...settings.agentEnv,
      ...own,
      mbus: { cert, urls: bus.endpoint().urls },
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
      group: canonical(director, deployment, group),
      groups: [
        canonical(director),
        canonical(deployment),
        canonical(group),
        canonical(director, deployment),
        canonical(deployment, group),
        canonical(director, deployment, group),
      ],
    },
  };
}

/** Waits for the agent of a VM that was just made, or was being made when a director died. */
export async function awaitVm(io: StepIo): Promise<void> {
  const { work, task, agents, settings } = io;
  const { vm, vmCid } = await labelledVm(io);
  try {
    await agents.waitUntilReady(vm.agentId, {
      label: work.label,
      vmCid,
      timeoutMs: settings.agentWaitMs,
      signal: task.signal,
    });
  } catch (thrown) {
    const unreachable = thrown instanceof OperatorError && thrown.code === 'agent-unreachable';
    if (unreachable && !settings.keepUnreachableVms) await deleteVm(io, vm.agentId);
    throw thrown;
  }
  await task.store.instances.updateVm(vm.agentId, { state: 'live', active: true });
  Object.assign(vm, { state: 'live', active: true });
}

/** One that went before it was finished, when nobody looked, is made anew. */
async function labelledVm(io: StepIo): Promise<{ vm: Vm; vmCid: VmCid }> {
  const made = await madeVm(io);
  try {
    await setVmMetadata(io, made.vm);
    return made;
  } catch (thrown) {
    if (!isCpiError(thrown, 'VMNotFound')) throw thrown;
  }
  io.task.debug(`${io.work.label}: VM ${made.vmCid} is gone, making another`);
  await forgetVm(io, made.vm.agentId);
  await createVm(io);
  const another = await madeVm(io);
  await setVmMetadata(io, another.vm);
  return another;
}

/** One of which the infrastructure will never say whether it was made is given up, and another is made. */
async function madeVm(io: StepIo): Promise<{ vm: Vm; vmCid: VmCid }> {
  const { instance } = io.work;
  const vm = unfinishedVm(instance);
  if (vm === null) throw new Error(`${io.work.label} has no VM that is being made`);
  try {
    return { vm, vmCid: await askForVm(io, vm.agentId, { first: false }) };
  } catch (thrown) {
    if (!isForeverUnknown(thrown)) throw thrown;
  }
  await createVm(io);
  const another = unfinishedVm(instance);
  if (another?.cid == null) throw new Error(`${io.work.label}: a VM was made and is not on record`);
  return { vm: another, vmCid: another.cid };
}

export async function setVmMetadata(io: StepIo, vm: Vm): Promise<void> {
  const { work, cpis, task, settings } = io;
  if (vm.cid === null) return;
  const { instance } = work;
  const metadata = {
    ...work.machine?.tags,
    director: settings.directorName,
    deployment: instance.deployment,
    id: instance.id,
    job: instance.group,
    instance_group: instance.group,
    index: String(instance.index),
    name: work.label,
    created_at: new Date(vm.createdAtMs).toISOString(),
  };
  try {
    await cpis.named(vm.cpi, task, vm.stemcell).setVmMetadata(vm.cid, metadata, task.signal);
  } catch (thrown) {
    if (!isUnsupported(thrown)) throw thrown;
  }
}

export async function deleteVm(io: StepIo, agentId: AgentId): Promise<void> {
  const { work, task } = io;
  const vm = work.instance.vms.find((candidate) => candidate.agentId === agentId);
  if (vm === undefined) return; // an earlier run has deleted it
  const event = { action: 'delete', objectType: 'vm', deployment: work.instance.deployment, instance: work.label };
  const parentId = await task.record({ ...event, objectName: vm.cid });
  await task.store.instances.updateVm(agentId, { state: 'deleting', active: false });
  Object.assign(vm, { state: 'deleting', active: false });
  try {
    const vmCid = vm.cid ?? (await cidOf(io, vm));
    await deleteAtCpi(io, vm, vmCid);
    await forgetVm(io, agentId);
    await task.record({ ...event, objectName: vmCid, parentId });
  } catch (thrown) {
    if (isForeverUnknown(thrown)) return leaveVmBehind(io, vm, messageOf(thrown));
    await task.store.instances.updateVm(agentId, { problem: messageOf(thrown) });
    vm.problem = messageOf(thrown);
    await task.record({ ...event, objectName: vm.cid, parentId, error: messageOf(thrown) });
    throw thrown;
  }
}

async function deleteAtCpi({ cpis, task }: StepIo, { cpi, stemcell }: Vm, cid: VmCid): Promise<void> {
  try {
    await cpis.named(cpi, task, stemcell).deleteVm(cid, task.signal);
  } catch (thrown) {
    if (!isCpiError(thrown, 'VMNotFound')) throw thrown;
  }
}

/** A VM whose making was never answered: the same call, made again, tells its cid. Refused, it tells nothing. */
async function cidOf(io: StepIo, vm: Vm): Promise<VmCid> {
  const { vmCid } = await io.cpis.named(vm.cpi, io.task, vm.stemcell).createVm(await vmSpec(io, vm), io.task.signal);
  await io.task.store.instances.updateVm(vm.agentId, { cid: vmCid });
  vm.cid = vmCid;
  return vmCid;
}

/** Lasting bus credentials instead of the bootstrap's, and what else the machine shall know. */
export async function updateSettings(io: StepIo): Promise<void> {
  const { work, task, agents, bus, settings } = io;
  const vm = activeVm(work.instance);
  if (vm === null) throw new Error(`${work.label} has no VM to give settings to`);
  const unmanaged = work.instance.disks.filter(({ active, name }) => active && name !== '');
  const associations = unmanaged.flatMap(({ name, cid }) => (cid === null ? [] : [{ name, cid }]));
  const mbus = vm.permanentCredentials ? undefined : { cert: await bus.issueCredentials(vm.agentId, 'permanent') };
  await agents.call(
    vm.agentId,
    'update_settings',
    [
      {
        trusted_certs: settings.trustedCerts,
        disk_associations: associations,
        ...(mbus === undefined ? {} : { mbus }),
      },
    ],
    { label: work.label, signal: task.signal },
  );
  if (mbus === undefined) return;
  // An agent may restart to take its new credentials; it must have them before the old ones stop to count.
  await agents.waitUntilReady(vm.agentId, { label: work.label, timeoutMs: settings.agentWaitMs, signal: task.signal });
  await bus.permit(vm.agentId, { bootstrap: false });
  await task.store.instances.updateVm(vm.agentId, { permanentCredentials: true });
  vm.permanentCredentials = true;
}

function machineOf({ work }: StepIo): MachineShape {
  if (work.machine === null) throw new Error(`${work.label} is to be deleted, not made`);
  return work.machine;
}
