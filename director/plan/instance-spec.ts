import type { BlobId } from '../../common/ids.ts';
import type { ApplySpec, JobSpec, NetworkSettings, PackageRef } from '../../agent/protocol.ts';
import { canonicalName } from '../../manifests/canonical-name.ts';
import type { WantedDeployment, WantedGroup, WantedStemcell } from './wanted.ts';
import type { LaidOutInstance } from './layout.ts';
import { addressOf } from './addressing.ts';
import type { Numbers } from './dns-names.ts';
import { addressableNetwork } from './network-settings.ts';

/** What is stored of an instance after it was updated: BOSH's "spec", placeholders unresolved. */
export type InstanceSpec = Record<string, unknown>;

/** `job` of a spec: the group, and the jobs in it ("templates", in BOSH's oldest words). */
export function jobSpec({ group, jobs }: WantedGroup): JobSpec | null {
  const [first] = jobs;
  if (first === undefined) return null;
  return {
    name: group.name,
    templates: jobs.map(({ job }) => ({
      name: job.name,
      version: job.version,
      sha1: job.digest,
      blobstore_id: job.blobId,
      ...(job.spec['logs'] === undefined ? {} : { logs: job.spec['logs'] }),
    })),
    template: first.job.name,
    version: first.job.version,
  };
}

export function stemcellFor(wanted: WantedDeployment, group: WantedGroup, az: string | null): WantedStemcell {
  const cpi = (az === null ? null : wanted.cloud.azs.get(az)?.cpi) ?? '';
  const stemcell = group.stemcells.get(cpi) ?? group.stemcells.values().next().value;
  if (stemcell === undefined) throw new Error(`instance group ${group.group.name} has no stemcell`); // resolve.ts refuses that
  return stemcell;
}

export interface SpecParts {
  wanted: WantedDeployment;
  group: WantedGroup;
  instance: LaidOutInstance;
  networks: Readonly<Record<string, NetworkSettings>>;
  packages: Readonly<Record<string, PackageRef>>;
  numbers: Numbers;
}

/** What the instance shall run, without what rendering adds (hashes, archive). */
export function baseSpec({ wanted, group, instance, networks, packages, numbers }: SpecParts): InstanceSpec {
  const stemcell = stemcellFor(wanted, group, instance.az);
  const main = group.disks.find(({ name }) => name === '');
  return {
    deployment: wanted.name,
    job: jobSpec(group),
    index: instance.index,
    bootstrap: instance.bootstrap,
    lifecycle: group.group.lifecycle,
    name: group.group.name,
    id: instance.id,
    az: instance.az,
    networks,
    stemcell: { name: stemcell.name, version: stemcell.version },
    env: group.group.env,
    packages,
    dns_domain_name: wanted.dns.domain,
    address: ownAddress({ wanted, group, instance, networks, numbers }),
    persistent_disk: main?.sizeMib ?? 0,
    tags: { ...wanted.tags, ...group.group.tags },
  };
}

function ownAddress({ wanted, group, instance, networks, numbers }: Omit<SpecParts, 'packages'>): string | null {
  const network = addressableNetwork(group.group);
  const settings = network === null ? undefined : networks[network];
  if (network === null || settings === undefined) return null;
  return addressOf(
    {
      deployment: wanted,
      instance: instance.id,
      group: { type: 'instance-group', name: group.group.name },
      short: wanted.dns.useShort,
      network,
      settings,
    },
    wanted.dns.useAddresses,
    numbers,
  );
}

const applied = [
  'deployment',
  'job',
  'index',
  'name',
  'id',
  'az',
  'networks',
  'packages',
  'dns_domain_name',
  'configuration_hash',
  'persistent_disk',
  'template_hashes',
  'rendered_templates_archive',
] as const;

/** The part of a spec that the agent is sent. */
export function applySpec(spec: InstanceSpec): ApplySpec {
  return Object.fromEntries(
    applied.filter((key) => spec[key] !== undefined).map((key) => [key, spec[key]]),
  ) as unknown as ApplySpec; // baseSpec makes every required key
}

/** The old-style DNS name of an instance in a network: `<index>.<group>.<network>.<deployment>.<domain>`. */
export function dnsRecordName(spec: InstanceSpec, network: string): string {
  const parts = [spec['name'], network, spec['deployment']].map((part) => canonicalName(String(part)));
  return [String(spec['index']), ...parts, String(spec['dns_domain_name'])].join('.');
}

/** Where the rendered templates of a spec are kept; null: it was never uploaded. */
export function archiveOf(spec: InstanceSpec | null): BlobId | null {
  const archive = spec?.['rendered_templates_archive'] as { blobstore_id: BlobId } | undefined; // made by us alone
  return archive?.blobstore_id ?? null;
}
