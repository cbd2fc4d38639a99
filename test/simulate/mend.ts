import type { StateChange } from '../../director/api/deploy-args.ts';
import type { NewTask } from '../../director/store/tasks.ts';
import { enqueueDelete } from '../support/given-director.ts';
import { versions } from './artifacts.ts';
import { mendThings } from './faults.ts';
import { violations } from './invariants.ts';
import type { Shape } from './manifest.ts';
import { deployments, type Operators, type Simulated } from './operators.ts';
import { forgetLostDisks } from './repairs.ts';
import { danglingReferences, leftovers } from './references.ts';

/** Deploys without faults after which the wanted state must be there. */
const triesMax = 3;
/** Older than any litter that is kept. */
const ageMs = 25 * 3_600_000;

/** Without new faults the wanted state is reached, a second deploy finds nothing to do, and a delete leaves nothing. */
export async function mend(simulated: Simulated, operators: Operators): Promise<string[]> {
  const { world, directors, artifacts, tell } = simulated;
  const { store, cpi } = world;
  const found: string[] = [];
  const done = async (...tasks: NewTask[]) => {
    for (const { id, type } of await Promise.all(tasks.map((task) => directors.engine.enqueue(task)))) {
      const { state, result } = await directors.ended(id);
      if (state !== 'done') found.push(`${type} fails: ${result ?? ''}`);
    }
  };

  mendThings(world);
  for (const { id, ignore } of await store.instances.all())
    if (ignore) await store.instances.update(id, { ignore: false });
  // VMs that were given up and live on may have what is wanted of others.
  await done(artifacts.cleanUp(true));
  const uploads = versions.flatMap((version) => [artifacts.uploadRelease(version), artifacts.uploadStemcell(version)]);
  await done(...(await Promise.all(uploads)));
  const ended = async (task: NewTask) => directors.ended((await directors.engine.enqueue(task)).id);
  for (const name of deployments) {
    if ((await store.deployments.get(name)) === undefined) continue;
    found.push(...(await forgetLostDisks(name, world, ended)));
  }
  for (const name of deployments) {
    if (name !== 'web' && (await store.deployments.get(name)) === undefined) continue;
    const shape = { ...(await operators.shape(name)), instances: 3 };
    tell(`mend: deploy ${JSON.stringify(shape)}`);
    found.push(...(await mendOne(shape, simulated, operators)));
  }
  await done(artifacts.cleanUp(true));
  found.push(...(await danglingReferences(world)));

  for (const name of deployments) {
    if ((await store.deployments.get(name)) === undefined) continue;
    const { state, result } = await directors.ended((await enqueueDelete(directors.engine, name)).id);
    if (state !== 'done') found.push(`${name} cannot be deleted: ${result ?? ''}`);
  }
  if (cpi.inventory().vms.length > 0)
    found.push(`${cpi.inventory().vms.length} VMs are left after the deployments were deleted`);
  if ((await store.instances.addresses()).length > 0)
    found.push('addresses are left after the deployments were deleted');
  world.blobs.age(ageMs);
  await done(artifacts.cleanUp(true));
  return [...found, ...(await violations(world)), ...(await leftovers(world))];
}

async function mendOne(shape: Shape, { world, directors }: Simulated, operators: Operators): Promise<string[]> {
  const deploy = async (stateChanges: StateChange[] = []) =>
    directors.ended(await operators.deploy(shape, { options: { fix: true }, stateChanges }));
  const startAll: StateChange[] = [{ group: '*', index: null, state: 'started' }];
  let task = await deploy(startAll);
  for (let tries = 1; task.state !== 'done' && tries < triesMax; tries++) task = await deploy(startAll);
  if (task.state !== 'done') return [`${shape.name} cannot be mended: ${task.result ?? ''}`];
  const again = await deploy();
  const found = [...(await operators.violationsOf([task.id, again.id])), ...(await violations(world))];
  const changed = /"stage":"(Updating instance|Creating missing vms|Deleting unneeded instances|Compiling packages)"/;
  const events = await operators.eventsOf(again.id);
  if (changed.test(events))
    found.push(`invariant 7: the second deploy of the same manifest changed something:\n${events}`);
  return found;
}
