import { networkInterfaces } from 'node:os';
import { parseApplySpec } from '../apply-spec.ts';
import {
  installMissing,
  jobBundles,
  jobsOf,
  packageBundles,
  packageOf,
  prepareJobFolders,
} from '../bundles/install.ts';
import { writeWhole } from '../files.ts';
import type { Machine } from '../machine.ts';
import type { ApplySpec, NetworkSettings } from '../protocol.ts';
import type { Action } from './action.ts';

/**
 * Makes a spec the one that this machine runs: its jobs and packages in place, all others gone. Starts nothing; that
 * is `start`. A partial spec (a VM that was just made) is only written down. May be repeated, and after a crash must be.
 */
export const apply: Action = async (machine, { args, signal }) => {
  const spec = withAddresses(parseApplySpec(args[0]), machine);
  await machine.bundlesLock.run(signal, async () => {
    if (spec.configuration_hash !== undefined && spec.configuration_hash !== '') await setUp(machine, spec, signal);
    await machine.spec.replace(spec);
    await describeInstance(machine, spec);
  });
  return 'applied';
};

async function setUp(machine: Machine, spec: ApplySpec, signal: AbortSignal): Promise<void> {
  await installMissing(machine, spec, signal);
  const packages = Object.values(spec.packages ?? {}).map(packageOf);
  for (const bundle of packages) await packageBundles(machine).enable(bundle);
  for (const bundle of jobsOf(spec)) await jobBundles(machine).enable(bundle);
  await prepareJobFolders(machine, spec);
  await jobBundles(machine).keepOnly(jobsOf(spec));
  await packageBundles(machine).keepOnly(packages);
}

async function describeInstance({ platform: { paths } }: Machine, spec: ApplySpec): Promise<void> {
  await writeWhole(paths.instanceFile('id'), spec.id);
  await writeWhole(paths.instanceFile('az'), spec.az ?? '');
  await writeWhole(paths.instanceFile('name'), spec.name ?? '');
  await writeWhole(paths.instanceFile('deployment'), spec.deployment);
}

/** The director doesn't know the address on a dynamic network, and learns it by `get_state`. */
function withAddresses(spec: ApplySpec, { settings }: Machine): ApplySpec {
  const networks = Object.entries(spec.networks).map(([name, network]): [string, NetworkSettings] => {
    if (network.type !== 'dynamic') return [name, network];
    const { ip = '', netmask = '', gateway = '' } = settings.given.networks[name] ?? {};
    return [name, { ...network, ...(ip === '' ? ownAddress() : { ip, netmask, gateway }) }];
  });
  return { ...spec, networks: Object.fromEntries(networks) };
}

/** What DHCP gave the first interface. */
function ownAddress(): { ip: string; netmask: string } | object {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  return own === undefined ? {} : { ip: own.address, netmask: own.netmask };
}
