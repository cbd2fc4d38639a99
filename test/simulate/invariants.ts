import { terminalStates } from '../../director/store/tasks.ts';
import type { World } from '../support/given-director.ts';
import { lostIn } from './losses.ts';

/** What must hold whenever no task runs, whatever went wrong before. Each line is one violation. */
export async function violations(world: Pick<World, 'cpi' | 'machines' | 'store' | 'clock'>): Promise<string[]> {
  const { cpi, machines, store, clock } = world;
  const found: string[] = [];
  const inventory = cpi.inventory();
  const lost = lostIn(world);
  const instances = await store.instances.all();
  const rows = instances.flatMap(({ vms }) => vms);

  // 1. Two live VMs never hold one IP of one network.
  const holders = new Map<string, string>();
  for (const vm of inventory.vms) {
    for (const [network, { ip }] of Object.entries(vm.networks)) {
      const key = `${network} ${String(ip)}`;
      if (holders.has(key)) found.push(`invariant 1: ${vm.cid} and ${holders.get(key)} both have ${key}`);
      holders.set(key, vm.cid);
    }
  }

  // 2. A disk is on one VM at most (the infrastructure's own record), and none is lost sight of.
  const orphaned = await store.instances.orphanedDisks();
  const knownDisks = new Set<string>([
    ...instances.flatMap(({ disks }) => disks.map(({ cid }) => cid ?? '')),
    ...orphaned.map(({ cid }) => cid),
  ]);
  // A disk whose making was not answered is known by the name that was given to it.
  const diskKeys = new Set(instances.flatMap(({ disks }) => disks.map(({ key }) => key)));
  for (const disk of inventory.disks)
    if (!knownDisks.has(disk.cid) && !diskKeys.has(disk.name ?? ''))
      found.push(`invariant 3: disk ${disk.cid} is unknown to the store`);
  const disksThere = new Set<string>(inventory.disks.map(({ cid }) => cid));
  for (const cid of knownDisks)
    if (cid !== '' && !disksThere.has(cid) && !lost.disks.has(cid)) found.push(`invariant 2: disk ${cid} is gone`);

  // Nor is a snapshot.
  const snapshots = await store.snapshots.all();
  const knownSnapshots = new Set<string>(snapshots.flatMap(({ cid, key }) => [cid ?? '', key]));
  for (const { cid, name = '' } of inventory.snapshots)
    if (!knownSnapshots.has(cid) && !knownSnapshots.has(name))
      found.push(`invariant 3: snapshot ${cid} is unknown to the store`);
  const snapshotsThere = new Set<string>(inventory.snapshots.map(({ cid }) => cid));
  for (const { cid } of snapshots)
    if (cid !== null && !snapshotsThere.has(cid)) found.push(`invariant 3: snapshot ${cid} is in the store alone`);

  // And jobs run on the disk of their instance, not on a copy of it.
  for (const { id, vms, disks } of instances) {
    const { cid: vmCid } = vms.find(({ active }) => active) ?? { cid: null };
    const machine = vmCid === null ? undefined : machines.agent(vmCid);
    if (machine?.state.jobState !== 'started') continue;
    const own = disks.find(({ active }) => active)?.cid ?? null;
    const { store: runsOn } = machine.state.mounts;
    if (lost.disks.has(own ?? '') || lost.disks.has(runsOn ?? '')) continue;
    if (runsOn !== own) found.push(`invariant 2: instance ${id} runs on disk ${runsOn} and not on ${own}`);
  }

  // 3. Nothing that the store doesn't know, and nothing in the store that isn't there.
  const orphans = await store.instances.orphanedVms();
  const knownAgents = new Set<string>([...rows, ...orphans].map(({ agentId }) => agentId));
  for (const vm of inventory.vms)
    if (!knownAgents.has(vm.agentId)) found.push(`invariant 3: VM ${vm.cid} is unknown to the store`);
  const there = new Set<string>(inventory.vms.map(({ cid }) => cid));
  for (const vm of rows) {
    if (vm.state === 'live' && vm.cid !== null && !there.has(vm.cid) && !lost.vms.has(vm.cid))
      found.push(`invariant 3: VM ${vm.cid} is in the store and nowhere else`);
  }

  // 4. Every task has ended, once, with its output complete.
  for (const task of await store.tasks.list({ limit: 1000 })) {
    if (!terminalStates.has(task.state)) found.push(`invariant 4: task ${task.id} is ${task.state}`);
    else if (task.finishedAtMs === null) found.push(`invariant 4: task ${task.id} is ${task.state} and has no end`);
  }

  // 5. No lock outlives its task.
  for (const lock of await store.locks.list(clock.now()))
    found.push(`invariant 5: ${lock.name} is still held by task ${lock.taskId}`);
  return found;
}
