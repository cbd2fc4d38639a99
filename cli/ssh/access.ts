import type { SshRequest, SshSession } from '../../director/api/contract/access.ts';
import type { VmSummary } from '../../director/api/contract/deployments.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import type { Given } from '../given.ts';
import { groupAndInstance } from '../slugs.ts';
import { pathFrom } from '../template.ts';
import { Connector, type Host } from './connector.ts';
import { gatewayOf, keyFile } from './gateway.ts';
import { freshIdentity, type Identity } from './identity.ts';

export interface Access {
  hosts: readonly Host[];
  connector: Connector;
}

interface Target {
  group: string;
  instance: string;
}

const ipAddress = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i;

/**
 * Has accounts made on the instances that are meant, does the work with them, and has them removed, whatever ends the
 * work: a failure, a signal, or that nobody reads what is printed.
 */
export async function withAccess(
  context: Context,
  given: Given,
  slugs: readonly string[],
  work: (access: Access) => Promise<void>,
): Promise<void> {
  if (given.on('director'))
    throw new CliError('--director is not built yet. The bosh CLI can do it: it needs no director for that.');
  const left = context.untilLeft();
  if (given.on('private-key'))
    return withOwnKey(context, given, slugs[0] ?? '', (access) => stoppable(context, left, access, work));
  const { session, chance } = context;
  await session.director();
  const deployment = await session.deployment();
  const identity = await freshIdentity(chance);
  const targets: Target[] = [];
  for (const slug of slugs) targets.push(await targetOf(context, deployment, slug));
  const made: Target[] = [];
  try {
    const sessions: SshSession[] = [];
    for (const target of targets) {
      sessions.push(...(await setUp(context, deployment, target, identity)));
      made.push(target);
    }
    const [first] = sessions;
    const gateway = await gatewayOf(context, given, { host: first?.gateway_host, user: first?.gateway_user });
    const access = { hosts: sessions.map((each) => hostOf(each, identity)), connector: new Connector(gateway) };
    await stoppable(context, left, access, work);
  } finally {
    for (const target of made) await cleanUp(context, deployment, target, identity);
  }
}

async function stoppable(
  { ui }: Context,
  left: Promise<void>,
  access: Access,
  work: (access: Access) => Promise<void>,
): Promise<void> {
  try {
    const stopped = left.then(() => {
      ui.line('\nReceived a signal, exiting...\n');
      throw new CliError('Stopped');
    });
    await Promise.race([work(access), stopped]);
  } finally {
    access.connector.close();
  }
}

/** With a key that is on the instance already: no director needs to do anything, and none knows the host's key. */
async function withOwnKey(
  context: Context,
  given: Given,
  slug: string,
  work: (access: Access) => Promise<void>,
): Promise<void> {
  const privateKey = await keyFile(pathFrom(context, given.text('private-key')));
  const { label, address } = ipAddress.test(slug) ? { label: '?/', address: slug } : await vmOf(context, slug);
  const gateway = await gatewayOf(context, given, {});
  const user = given.text('username') || 'vcap';
  await work({
    hosts: [{ label, address, user, privateKey, hostPublicKey: null }],
    connector: new Connector(gateway),
  });
}

/** The one VM that a slug names. */
async function vmOf({ session }: Context, slug: string): Promise<{ label: string; address: string }> {
  const client = await session.director();
  const deployment = await session.deployment();
  const { group, instance } = groupAndInstance(slug);
  const vms = await fetching<VmSummary[]>(client, `Finding VM for ${slug}`, paths.vms(deployment));
  const found = vms.filter(
    (vm) => vm.active && vm.job === group && (instance === '' || vm.id === instance || String(vm.index) === instance),
  );
  const [vm, another] = found;
  if (vm === undefined) throw new CliError(`Instance ${slug} has no active VM`);
  if (another !== undefined) throw new CliError(`Instance ${slug} refers to more than 1 VM`);
  const [address] = vm.ips;
  if (address === undefined) throw new CliError(`VM ${vm.cid} has no IP address`);
  return { label: `${group}/${instance}`, address };
}

/** An address is that of one instance. */
async function targetOf({ session }: Context, deployment: string, slug: string): Promise<Target> {
  if (!ipAddress.test(slug)) return groupAndInstance(slug);
  const client = await session.director();
  const vms = await fetching<VmSummary[]>(client, `Finding VM for ${slug}`, paths.vms(deployment));
  const vm = vms.find(({ ips }) => ips.includes(slug));
  if (vm === undefined) throw new CliError(`No instance of deployment '${deployment}' has the address ${slug}`);
  return { group: vm.job, instance: vm.id };
}

async function setUp(
  { session }: Context,
  deployment: string,
  target: Target,
  { user, publicKey }: Identity,
): Promise<SshSession[]> {
  const params = { user, public_key: publicKey };
  const output = await during(
    `Setting up SSH in deployment '${deployment}'`,
    session.run(requestOf(deployment, { target: wireTarget(target), command: 'setup', params })),
  );
  return JSON.parse(output) as SshSession[]; // the contract's
}

/** Nobody waits for it, and where it can't be asked for nothing more can be done. */
async function cleanUp({ session }: Context, deployment: string, target: Target, { user }: Identity): Promise<void> {
  const client = await session.director();
  const params = { user_regex: `^${user}` };
  await client
    .call(requestOf(deployment, { target: wireTarget(target), command: 'cleanup', params }))
    .catch(() => undefined);
}

function requestOf(deployment: string, request: SshRequest) {
  return {
    method: 'POST',
    path: paths.ssh(deployment),
    headers: { 'content-type': mediaTypes.json },
    body: JSON.stringify({ deployment_name: deployment, ...request }),
  } as const;
}

function wireTarget({ group, instance }: Target): SshRequest['target'] {
  const ids = instance === '' ? [] : [instance];
  return { ...(group === '' ? {} : { job: group }), indexes: ids, ids };
}

function hostOf({ job, id, ip, host_public_key: key }: SshSession, { user, privateKey }: Identity): Host {
  const label = `${job}/${id}`;
  if (ip === undefined || key === undefined) throw new CliError(`The agent of ${label} told no address or no host key`);
  return { label, address: ip, user, privateKey, hostPublicKey: key };
}
