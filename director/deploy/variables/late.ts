import { InvalidInput, type Fault } from '../../../common/errors.ts';
import { groupBy } from '../../../common/group-by.ts';
import type { YamlMap, YamlValue } from '../../../manifests/value.ts';
import type { ActualDeployment } from '../../plan/actual.ts';
import type { ResolvedLinks } from '../../plan/links/resolve-links.ts';
import { hasPlaceholders, variablesMissing } from '../../plan/variable-values.ts';
import type { WantedDeployment, WantedGroup, WantedJob } from '../../plan/wanted.ts';
import type { Instance } from '../../store/instances.ts';
import type { JobLibrary } from '../job-library.ts';
import { jobPropertiesUnfit } from '../resolve-jobs.ts';
import type { DeployVariables, Former } from './deploy-variables.ts';

type LinkContent = Readonly<Record<string, unknown>>;

/** What templates see, with values. */
export interface Filled {
  properties: (job: WantedJob) => YamlMap;
  links: ResolvedLinks;
}

interface Use {
  value: YamlValue;
  /** In the words of the manifest. */
  place: string;
}

/**
 * Has all values that a deploy needs from here on: of templates, links, machines and disks, in the own set, and of the
 * machines and disks that there are in theirs.
 * @throws InvalidInput `variables-missing` with every placeholder; `job-properties-unfit`
 */
export async function fillLate(
  { wanted, compilationProperties }: { wanted: WantedDeployment; compilationProperties: YamlMap },
  links: ResolvedLinks,
  variables: DeployVariables,
  { actual, jobs }: { actual: ActualDeployment; jobs: JobLibrary },
): Promise<Filled> {
  await know(usesOf(wanted, compilationProperties, links), variables);
  await variables.knowFormer(actual.instances.flatMap(({ instance }) => allFormerOf(instance)));
  const properties = new Map(
    wanted.groups.flatMap(({ jobs: ofGroup }) => ofGroup).map((job) => [job, fill(job.properties, variables)]),
  );
  await refuseUnfit(wanted, properties, jobs);
  return { properties: (job) => properties.get(job) ?? job.properties, links: await filledLinks(links, variables) };
}

/** All that machines that compile need. @throws InvalidInput `variables-missing` */
export async function knowCompilation(
  { wanted, compilationProperties }: { wanted: WantedDeployment; compilationProperties: YamlMap },
  variables: DeployVariables,
): Promise<void> {
  await know(usesOfCompilation(wanted, compilationProperties), variables);
}

async function know(all: readonly Use[], variables: DeployVariables): Promise<void> {
  const uses = all.filter(({ value }) => hasPlaceholders(value));
  await variables.know(new Set(uses.flatMap(({ value }) => [...variables.values.namesIn(value)])));
  const faults = uses.flatMap(({ value, place }) => variables.values.filled(value, variables.set, place).faults);
  if (faults.length > 0) throw variablesMissing(`deployment "${variables.deployment}"`, faults);
}

function usesOf(wanted: WantedDeployment, compilationProperties: YamlMap, links: ResolvedLinks): Use[] {
  return [
    ...wanted.groups.flatMap((group) => [...usesOfMachine(group), ...usesOfJobs(group, links, wanted.name)]),
    ...usesOfCompilation(wanted, compilationProperties),
  ];
}

/** And of what all machines have. */
function usesOfCompilation({ cloud }: WantedDeployment, compilationProperties: YamlMap): Use[] {
  return [
    ...[...cloud.azs.values()].map(({ name, cloudProperties }) => ({
      value: cloudProperties,
      place: `cloud config: azs.${name}.cloud_properties`,
    })),
    ...[...cloud.networks.values()].flatMap((network) => {
      const place = `cloud config: networks.${network.name}`;
      return network.type === 'vip'
        ? [{ value: network.cloudProperties, place }]
        : network.subnets.map(({ cloudProperties }, i) => ({ value: cloudProperties, place: `${place}.subnets.${i}` }));
    }),
    { value: compilationProperties, place: 'cloud config: compilation' },
    ...cloud.compilation.vmExtensions.map((name) => ({
      value: cloud.vmExtensions.get(name)?.cloudProperties ?? {},
      place: `cloud config: vm_extensions.${name}.cloud_properties`,
    })),
    { value: cloud.compilation.env, place: 'cloud config: compilation.env' },
  ];
}

function usesOfMachine({ group, vmProperties, extensionProperties, disks }: WantedGroup): Use[] {
  const place = `instance_groups.${group.name}`;
  return [
    { value: group.env, place: `${place}.env` },
    ...[vmProperties, ...extensionProperties].map((value) => ({
      value,
      place: `${place}: cloud_properties of its VMs`,
    })),
    ...disks.map(({ cloudProperties: value }) => ({ value, place: `${place}: cloud_properties of its disks` })),
  ];
}

function usesOfJobs({ group, jobs }: WantedGroup, links: ResolvedLinks, deployment: string): Use[] {
  return jobs.flatMap(({ name, properties }) => {
    const place = `instance_groups.${group.name}.jobs.${name}`;
    const ofLinks = Object.entries(links.get(group.name)?.get(name) ?? {})
      .filter(([, content]) => providerOf(content, deployment) === null)
      .map(([link, content]) => ({ value: propertiesOf(content), place: `${place}: link ${link}` }));
    return [{ value: properties, place: `${place}.properties` }, ...ofLinks];
  });
}

function propertiesOf(content: LinkContent): YamlMap {
  return (content['properties'] ?? {}) as YamlMap; // as resolveLinks makes it
}

function fill(value: YamlMap, { values, set }: DeployVariables): YamlMap {
  return values.fill(value, set, '');
}

/** The deployment that tells of it, where that is another one. */
function providerOf(content: LinkContent, own: string): string | null {
  const { deployment_name: name } = content;
  return typeof name === 'string' && name !== own ? name : null;
}

/**
 * A provider is described once for all that consume it: so it is filled once, too. What another deployment tells is
 * filled with its variables.
 */
async function filledLinks(links: ResolvedLinks, variables: DeployVariables): Promise<ResolvedLinks> {
  const contents = new Set(
    [...links.values()].flatMap((jobs) => [...jobs.values()].flatMap((ofJob) => Object.values(ofJob))),
  );
  const byProvider = groupBy([...contents], (content) => providerOf(content, variables.deployment));
  const filled = new Map<LinkContent, LinkContent>();
  const faults: Fault[] = [];
  for (const [provider, own] of byProvider) {
    const values = provider === null ? variables.values : await variables.provided(provider, own.map(propertiesOf));
    for (const content of own) {
      const place = provider === null ? '' : `link of deployment ${provider}`;
      const { value: properties, faults: missing } = values.filled(propertiesOf(content), variables.set, place);
      faults.push(...missing);
      filled.set(content, hasPlaceholders(propertiesOf(content)) ? { ...content, properties } : content);
    }
  }
  if (faults.length > 0) throw variablesMissing(`deployment "${variables.deployment}"`, faults);
  const filledJob = (ofJob: Readonly<Record<string, LinkContent>>) =>
    Object.fromEntries(Object.entries(ofJob).map(([name, content]) => [name, filled.get(content) ?? content]));
  return new Map(
    [...links].map(([group, jobs]) => [group, new Map([...jobs].map(([job, ofJob]) => [job, filledJob(ofJob)]))]),
  );
}

/** Of jobs whose schema could not look at placeholders. The values that do not fit are not told. */
async function refuseUnfit(
  { groups }: WantedDeployment,
  properties: ReadonlyMap<WantedJob, YamlMap>,
  library: JobLibrary,
): Promise<void> {
  const faults: Fault[] = [];
  for (const { group, jobs } of groups) {
    for (const job of jobs) {
      if (!hasPlaceholders(job.properties)) continue;
      const { misfits } = await library.load(job.job);
      const unfit = await misfits(properties.get(job) ?? {});
      const path = `instance_groups.${group.name}.jobs.${job.name}`;
      faults.push(...unfit.map((fault) => ({ ...fault, path: `${path}.${fault.path}` })));
    }
  }
  if (faults.length > 0) throw new InvalidInput('properties of jobs', faults, jobPropertiesUnfit);
}

/** What an instance was applied with, and its machines and disks were made with. */
export function formerOf({ vms, disks, spec, variableSet }: Instance) {
  const former = (value: unknown, set: number): Former => ({ value: value as YamlValue, set }); // rows hold what documents gave
  return {
    spec:
      spec === null || variableSet === undefined
        ? null
        : former([spec['env'] ?? {}, spec['networks'] ?? {}], variableSet),
    vms: vms.flatMap(({ agentId, variableSet: set, cloudProperties, networks, env }) =>
      set === undefined ? [] : [{ agentId, ...former([cloudProperties, networks, env], set) }],
    ),
    disks: disks.flatMap(({ key, variableSet: set, cloudProperties }) =>
      set === undefined ? [] : [{ key, ...former(cloudProperties, set) }],
    ),
  };
}

export function allFormerOf(instance: Instance): Former[] {
  const { spec, vms, disks } = formerOf(instance);
  return [...(spec === null ? [] : [spec]), ...vms, ...disks];
}
