import { didYouMeanOf } from '../common/suggest.ts';
import type { CloudConfig } from './cloud-config.ts';
import type { DeploymentManifest } from './deployment-manifest.ts';
import { InvalidManifest, type ManifestFault } from './fault.ts';
import type { GroupNetwork, InstanceGroup } from './instance-group.ts';
import { parseIp, rangeOf } from './ip.ts';
import { coversAzs, type ManualNetwork, type Network } from './networks.ts';
import type { YamlDocument } from './yaml.ts';
import type { YamlPath } from './yaml/lines.ts';

const codes = {
  vipDefault: 130007,
  notStatic: 130009,
  restrictedIp: 130013,
  vipMisconfigured: 130014,
  unknownVmType: 140004,
  unknownDiskType: 140012,
  unknownAz: 140018,
  unknownNetwork: 150001,
  noSuchAddress: 150002,
  networkLacksAz: 150006,
  addressInOtherAz: 150007,
  dynamicStaticIps: 150008,
  notBaseAddress: 16015,
} as const;

type Report = (path: YamlPath, fault: Omit<ManifestFault, 'path' | 'line'>) => void;

/**
 * Checks what a manifest says about things that a cloud config holds.
 * @param document where the manifest was read from, for lines
 * @throws InvalidManifest `manifest-unfit` with every fault
 */
export function checkAgainst(manifest: DeploymentManifest, cloud: CloudConfig, document?: YamlDocument): void {
  const faults: ManifestFault[] = [];
  manifest.instanceGroups.forEach((group, i) => {
    checkGroup(group, cloud, (path, fault) => {
      const whole = ['instance_groups', i, ...path];
      const line = document?.lineOf(whole);
      faults.push({ path: whole.join('.'), ...(line === undefined ? {} : { line }), ...fault });
    });
  });
  if (faults.length > 0) throw new InvalidManifest(`manifest "${manifest.name}"`, faults, { code: 'manifest-unfit' });
}

function checkGroup(group: InstanceGroup, cloud: CloudConfig, report: Report): void {
  const unknown = (
    path: YamlPath,
    what: string,
    name: string,
    known: ReadonlyMap<string, unknown>,
    boshCode?: number,
  ) => {
    if (known.has(name)) return;
    const message = `the cloud config has no ${what} "${name}"`;
    report(path, { message, ...(boshCode === undefined ? {} : { boshCode }), ...didYouMeanOf(name, known.keys()) });
  };
  group.azs?.forEach((az, i) => unknown(['azs', i], 'AZ', az, cloud.azs, codes.unknownAz));
  if (group.vm.kind === 'type') unknown(['vm_type'], 'VM type', group.vm.vmType, cloud.vmTypes, codes.unknownVmType);
  group.vmExtensions.forEach((name, i) => unknown(['vm_extensions', i], 'VM extension', name, cloud.vmExtensions));
  const disk = group.persistentDisk;
  if (disk.kind === 'type') {
    unknown(['persistent_disk_type'], 'disk type', disk.diskType, cloud.diskTypes, codes.unknownDiskType);
  }
  if (disk.kind === 'named') {
    disk.disks.forEach(({ diskType }, i) => {
      unknown(['persistent_disks', i, 'type'], 'disk type', diskType, cloud.diskTypes, codes.unknownDiskType);
    });
  }
  group.networks.forEach((wanted, i) => {
    const network = cloud.networks.get(wanted.name);
    if (network === undefined) {
      return unknown(['networks', i, 'name'], 'network', wanted.name, cloud.networks, codes.unknownNetwork);
    }
    checkNetwork(group, wanted, network, (path, fault) => report(['networks', i, ...path], fault));
  });
}

function checkNetwork(group: InstanceGroup, wanted: GroupNetwork, network: Network, report: Report): void {
  if (!coversAzs(network, group.azs)) {
    const azs = group.azs?.join(', ');
    const message =
      azs === undefined
        ? `the subnets of network "${network.name}" are in AZs, and the instance group names none`
        : `network "${network.name}" has no subnet for every AZ of the instance group (${azs})`;
    report([], { message, boshCode: codes.networkLacksAz });
  }
  switch (network.type) {
    case 'dynamic':
      if (wanted.staticIps === null) return;
      return report(['static_ips'], {
        message: `network "${network.name}" is dynamic: the infrastructure chooses its addresses`,
        boshCode: codes.dynamicStaticIps,
        suggestion: 'leave "static_ips" out',
      });
    case 'vip':
      return checkVip(wanted, group.instances, network.subnets.length > 0, report);
    case 'manual':
      return checkStaticIps(group, wanted, network, report);
  }
}

function checkVip(wanted: GroupNetwork, instances: number, hasSubnets: boolean, report: Report): void {
  if (wanted.defaultFor.length > 0) {
    report([], {
      message: `network "${wanted.name}" is a VIP network, which can't be the default for ${wanted.defaultFor.join(' or ')}`,
      boshCode: codes.vipDefault,
      suggestion: 'give the instance group another network too',
    });
  }
  if (instances === 0 || hasSubnets === (wanted.staticIps === null)) return;
  const message = hasSubnets
    ? `the cloud config lists the addresses of network "${wanted.name}", so the instance group can't`
    : `network "${wanted.name}" lists no addresses, so the instance group must, in "static_ips"`;
  report(hasSubnets ? ['static_ips'] : [], { message, boshCode: codes.vipMisconfigured });
}

function checkStaticIps(group: InstanceGroup, wanted: GroupNetwork, network: ManualNetwork, report: Report): void {
  for (const text of wanted.staticIps ?? []) {
    const fault = staticIpFault(text, group.azs, network);
    if (fault !== undefined) report(['static_ips'], fault);
  }
}

function staticIpFault(
  text: string,
  azs: readonly string[] | null,
  network: ManualNetwork,
): { message: string; boshCode: number; suggestion?: string } | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined; // the parser has written it out: it is one
  const subnet = network.subnets.find(
    ({ range }) => range?.family === ip.family && ip.n >= range.first && ip.n <= range.last,
  );
  if (subnet === undefined) {
    return { message: `${text} is in no subnet of network "${network.name}"`, boshCode: codes.noSuchAddress };
  }
  const { azs: subnetAzs } = subnet;
  if (azs !== null && azs.length > 0 && subnetAzs !== null && !azs.some((az) => subnetAzs.includes(az))) {
    const message = `${text} is in AZ ${subnetAzs.join(', ')}, where the instance group isn't`;
    return { message, boshCode: codes.addressInOtherAz };
  }
  if (subnet.restricted.firstOverlap(rangeOf(ip)) !== undefined) {
    return { message: `${text} is reserved in network "${network.name}"`, boshCode: codes.restrictedIp };
  }
  if (!subnet.statics.has(ip)) {
    return {
      message: `${text} isn't among the static addresses of network "${network.name}"`,
      boshCode: codes.notStatic,
      suggestion: 'add it to "static" of the subnet in the cloud config',
    };
  }
  const bits = ip.family === 4 ? 32 : 128;
  if (ip.n % (1n << BigInt(bits - subnet.prefix)) !== 0n) {
    const message = `${text} isn't the first address of a block of /${subnet.prefix}`;
    return { message, boshCode: codes.notBaseAddress };
  }
  return undefined;
}
