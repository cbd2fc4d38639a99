import { didYouMeanOf } from '../../common/suggest.ts';
import type { CloudConfig, Compilation, CompilationVm } from '../cloud-config.ts';
import { coversAzs } from '../networks.ts';
import type { Section } from './section.ts';
import { readVmResources } from './vm-resources.ts';

const codes = {
  unknownNetwork: 120001,
  unknownAz: 120002,
  unknownVmType: 120003,
  unknownVmExtension: 120005,
  badVm: 120007,
  networkLacksAz: 150006,
} as const;

type Known = Pick<CloudConfig, 'azs' | 'networks' | 'vmTypes' | 'vmExtensions'>;

/** Source: compilation_config.rb. */
export function parseCompilation(section: Section, known: Known): Compilation {
  section.knows([
    'workers',
    'network',
    'az',
    'reuse_compilation_vms',
    'orphan_workers',
    'vm_type',
    'vm_resources',
    'vm_extensions',
    'cloud_properties',
    'env',
  ]);
  const vm = readVm(section, known);
  const az = section.optionalText('az');
  const network = section.text('network');
  const compilation: Compilation = {
    workers: section.integer('workers', { min: 1 }),
    network,
    az: az === '' ? null : az,
    reuseCompilationVms: section.boolean('reuse_compilation_vms', false),
    orphanWorkers: section.boolean('orphan_workers', false),
    vm,
    vmExtensions: readVmExtensions(section, vm, known),
    env: section.freeMap('env'),
  };
  checkPlace(section, compilation, known);
  return compilation;
}

function checkPlace(section: Section, { network, az }: Compilation, { networks, azs }: Known): void {
  if (az !== null && !azs.has(az)) {
    section.fault('az', {
      message: `there is no AZ "${az}"`,
      boshCode: codes.unknownAz,
      ...didYouMeanOf(az, azs.keys()),
    });
    return;
  }
  const found = networks.get(network);
  if (found === undefined) {
    if (network === '') return; // at fault already
    section.fault('network', {
      message: `there is no network "${network}"`,
      boshCode: codes.unknownNetwork,
      ...didYouMeanOf(network, networks.keys()),
    });
  } else if (!coversAzs(found, az === null ? null : [az])) {
    const message =
      az === null
        ? `the subnets of network "${network}" are in AZs, and compilation names none`
        : `network "${network}" has no subnet in AZ "${az}"`;
    section.fault(az === null ? null : 'az', { message, boshCode: codes.networkLacksAz });
  }
}

function readVm(section: Section, { vmTypes }: Known): CompilationVm {
  const vmType = section.optionalText('vm_type');
  const resources = section.optionalSection('vm_resources');
  const cloudProperties = section.freeMap('cloud_properties');
  const isEmpty = (map: object) => Object.keys(map).length === 0;
  const given = [(vmType ?? '') !== '', resources !== null && !isEmpty(resources.map), !isEmpty(cloudProperties)];
  if (given.filter(Boolean).length > 1) {
    section.fault(null, {
      message: 'only one of "vm_type", "vm_resources" and "cloud_properties" may say what VM to compile on',
      boshCode: codes.badVm,
    });
  }
  if (vmType !== null) {
    if (!vmTypes.has(vmType)) {
      section.fault('vm_type', {
        message: `there is no VM type "${vmType}"`,
        boshCode: codes.unknownVmType,
        ...didYouMeanOf(vmType, vmTypes.keys()),
      });
    }
    return { kind: 'type', vmType };
  }
  return resources === null ? { kind: 'properties', cloudProperties } : readVmResources(resources);
}

function readVmExtensions(section: Section, vm: CompilationVm, { vmExtensions }: Known): string[] {
  const names = section.texts('vm_extensions');
  for (const name of names) {
    if (vmExtensions.has(name)) continue;
    section.fault('vm_extensions', {
      message: `there is no VM extension "${name}"`,
      boshCode: codes.unknownVmExtension,
      ...didYouMeanOf(name, vmExtensions.keys()),
    });
  }
  if (names.length > 0 && vm.kind === 'properties') {
    section.fault('vm_extensions', {
      message: 'VM extensions need "vm_type" or "vm_resources" to extend',
      boshCode: codes.badVm,
    });
  }
  return names;
}
