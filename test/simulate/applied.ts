import { isDeepStrictEqual } from 'node:util';
import { entryBytes, readArchive } from '../../common/archive.ts';
import { type BlobId, id } from '../../common/ids.ts';
import type { Instance } from '../../director/store/instances.ts';
import type { UpdateInstanceArgs } from '../../director/api/deploy-args.ts';
import { applySpec } from '../../director/plan/instance-spec.ts';
import type { World } from '../support/given-director.ts';
import type { Shape } from './manifest.ts';

/** Undefined: it has none. */
function machineOf({ machines }: World, instance: Instance) {
  const { cid = null } = instance.vms.find(({ active }) => active) ?? {};
  return cid === null ? undefined : machines.agent(cid);
}

/** After a successful deploy: who is to run, runs what the store says it does, and knows where the databases are. */
export async function deployedViolations(world: World, { name, db }: Shape): Promise<string[]> {
  const found: string[] = [];
  const instances = await world.store.instances.ofDeployment(name);
  const expected = {
    group: db.group,
    port: db.port,
    instances: instances.filter(({ group }) => group === db.group).map(place),
  };
  for (const instance of instances) {
    if (instance.ignore || instance.state !== 'started') continue;
    const title = `${name}: ${instance.group}/${instance.index}`;
    found.push(...runningViolations(world, instance, title));
    if (instance.group !== 'web') continue;
    const link = await linkOn(world, instance);
    if (!isDeepStrictEqual(link, expected))
      found.push(`links: ${title} is told ${JSON.stringify(link)}\n    and there is ${JSON.stringify(expected)}`);
  }
  return found;
}

const place = ({ id: uuid, index, az, ips: [ip] }: Instance) => ({ id: uuid, index, az, address: ip?.address });

/** The databases as the web job on this instance sees them. */
async function linkOn(world: World, instance: Instance) {
  const spec = JSON.parse(machineOf(world, instance)?.state.specJson ?? '{}') as {
    rendered_templates_archive?: { blobstore_id: string };
  };
  const blobId = spec.rendered_templates_archive?.blobstore_id;
  if (blobId === undefined) return undefined;
  const what = `templates of ${instance.id}`;
  for await (const entry of readArchive(await world.blobs.get(id<BlobId>(blobId)), { what })) {
    if (entry.path !== 'web/config/db.json') continue;
    const link = JSON.parse((await entryBytes(entry, what, 100_000)).toString()) as RenderedLink;
    return {
      group: link.instance_group,
      port: link.properties.port,
      instances: link.instances.map(({ id: uuid, index, az, address }) => ({ id: uuid, index, az, address })),
    };
  }
  return undefined;
}

/** As the director renders it. */
interface RenderedLink {
  instance_group: string;
  properties: { port: number };
  instances: Array<ReturnType<typeof place>>;
}

/** After a successful change of one instance alone. */
export async function changedViolations(world: World, { instanceId, action, hard }: UpdateInstanceArgs) {
  const instance = (await world.store.instances.all()).find((each) => each.id === instanceId);
  if (instance === undefined) return [`instance ${instanceId} is gone after its ${action}`];
  const title = `instance ${instance.id} after its ${action}`;
  const wanted = action !== 'stop' ? 'started' : hard ? 'detached' : 'stopped';
  const isLessAlready = wanted === 'stopped' && instance.state === 'detached';
  if (instance.state !== wanted && !isLessAlready) return [`${title} is ${instance.state}`];
  if (wanted === 'started') return runningViolations(world, instance, title);
  const machine = machineOf(world, instance);
  if (wanted === 'detached') return machine === undefined ? [] : [`${title} has a machine`];
  // A dead one could not be asked.
  if (machine === undefined || !machine.isUp || machine.state.jobState === 'stopped') return [];
  return [`${title} has jobs that are ${machine.state.jobState}`];
}

export function runningViolations(world: World, instance: Instance, title: string): string[] {
  const machine = machineOf(world, instance);
  if (machine === undefined) return [`${title} has no machine`];
  const { jobState, specJson } = machine.state;
  const found = machine.isUp && jobState === 'started' ? [] : [`${title} has jobs that are ${jobState}, or is dead`];
  const spec: unknown = JSON.parse(specJson ?? 'null');
  if (!isDeepStrictEqual(spec, applySpec(instance.spec ?? {})))
    found.push(`${title} runs another spec than the store says`);
  if (!instance.updateCompleted) found.push(`${title} counts as half updated`);
  return found;
}
