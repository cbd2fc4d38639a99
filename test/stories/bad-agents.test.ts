import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SimulatedAgent } from '../../agent/platform/simulated/simulated-agent.ts';
import type { VirtualClock } from '../../common/clock.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';
import { patientClock } from '../support/real-work.ts';

// Agents that don't answer, or not in time: what the operator reads, and that the next deploy puts it right.

let director: Awaited<ReturnType<typeof givenDirector>>;
let clock: VirtualClock;
beforeEach(async () => {
  clock = patientClock();
  director = await givenDirector({ clock });
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  await deploy(webTier({ instances: 0 })); // packages are compiled for those that follow
});
afterEach(async () => {
  const vms = (await director.store.instances.all()).flatMap((instance) => instance.vms.map(({ cid }) => cid));
  expect(director.cpi.inventory().vms.map(({ cid }) => cid)).toEqual(vms); // no VM that no record tells of
  await clock.runUntil(director.close());
});

const deploy = (manifest: string, options = {}) => clock.runUntil(director.deploy(manifest, options));

/** From now on a machine that boots does this. */
function onBoot(act: (agent: SimulatedAgent) => void): void {
  const { machines } = director;
  const boot = Object.getPrototypeOf(machines).boot as typeof machines.boot; // not what an earlier call put before it
  machines.boot = async (machine) => {
    await boot.call(machines, machine);
    const agent = machines.agent(machine.vmCid);
    if (agent !== undefined) act(agent);
  };
}

const only = async () => {
  const [instance] = await director.store.instances.ofDeployment('web');
  if (instance === undefined) throw new Error('there is no instance');
  return { ...instance, label: `${instance.group}/${instance.id}` };
};

test('an agent that never comes up: the VM goes, the instance is named, and the next deploy makes another', async () => {
  onBoot((agent) => agent.goSilent());
  const failed = await deploy(webTier({ instances: 1 }));
  expect(failed.state).toBe('error');
  expect(failed.events).toContain(`${(await only()).label}: no answer from the agent in 60 s (VM `);
  expect(failed.events).toContain("Check that the VM has started and can reach the director's message bus");
  expect(director.cpi.inventory().vms).toEqual([]);

  onBoot(() => {});
  expect(await deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().vms).toHaveLength(1);
});

test('an agent that comes up late, and in time, is waited for; one that speaks after the limit is not heard', async () => {
  onBoot((agent) => {
    agent.goSilent();
    clock.after(50_000, () => agent.speak());
  });
  expect(await deploy(webTier({ instances: 1 }))).toMatchObject({ state: 'done' });

  onBoot((agent) => {
    agent.goSilent();
    clock.after(90_000, () => agent.speak());
  });
  expect(await deploy(webTier({ instances: 2 }))).toMatchObject({ state: 'error' });
  await clock.runUntil(clock.sleep(60_000));
  expect(director.cpi.inventory().vms).toHaveLength(1);
  onBoot(() => {});
  expect(await deploy(webTier({ instances: 2 }))).toMatchObject({ state: 'done' });
});

test('an agent that goes away in the middle of its update: named, and its VM replaced by a deploy with --fix', async () => {
  expect(await deploy(webTier({ instances: 1, disk: true }))).toMatchObject({ state: 'done' });
  const before = await only();
  const agent = director.machines.agent(before.vms[0]?.cid ?? neverMade());
  agent?.faults.delay('stop', 10_000);
  void clock.sleep(5_000).then(() => agent?.die());
  const failed = await deploy(webTier({ instances: 1, disk: true, port: 81 }));
  expect(failed.state).toBe('error');
  expect(failed.events).toMatch(new RegExp(`${before.label}: no answer from the agent to \\w+ in \\d+ s`));

  // As with BOSH the VM is not replaced unasked: its jobs may still run
  const next = await deploy(webTier({ instances: 1, disk: true, port: 81 }));
  expect(next.events).toContain(`${before.label}: no answer from the agent to get_state in`);
  expect(next.events).toContain('Deploy with --fix to replace the VMs whose agents do not answer');
  expect(await deploy(webTier({ instances: 1, disk: true, port: 81 }), { fix: true })).toMatchObject({ state: 'done' });
  const after = await only();
  expect(after.vms.map(({ cid }) => cid)).not.toEqual(before.vms.map(({ cid }) => cid));
  expect(after.disks.map(({ cid }) => cid)).toEqual(before.disks.map(({ cid }) => cid));
});

function neverMade(): never {
  throw new Error('the VM was never made');
}
