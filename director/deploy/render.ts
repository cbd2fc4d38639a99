import type { NetworkSettings } from '../../agent/protocol.ts';
import { mapInTurns } from '../../common/in-turns.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { JobsWork } from '../execute/work.ts';
import { baseSpec, dnsRecordName, type InstanceSpec, type SpecParts } from '../plan/instance-spec.ts';
import type { GroupLayout, LaidOutInstance, Layout } from '../plan/layout.ts';
import { linkGroupName, linkGroupsOf, offersOfGroup } from '../plan/links/offers.ts';
import { networkSettings } from '../plan/network-settings.ts';
import type { WantedDeployment, WantedJob } from '../plan/wanted.ts';
import { configurationHash, templateHashes } from '../templates/hashes.ts';
import { groupKey } from '../plan/dns-names.ts';
import type { DnsTables, EvaluationInput, ProvidedLink, RenderedJob, TemplateRenderer } from '../templates/renderer.ts';
import { TemplatesFailed, type JobFailure } from '../templates/template-errors.ts';
import { templateSpec } from '../templates/template-spec.ts';
import type { JobLibrary } from './job-library.ts';
import type { Linked } from './link-up.ts';
import { storeTemplates } from './store-templates.ts';
import type { Filled } from './variables/late.ts';

export interface RenderDeps {
  renderer: TemplateRenderer;
  jobs: JobLibrary;
  blobs: Blobstore;
}

/** One instance with its templates filled in. */
export interface Rendered {
  networks: Readonly<Record<string, NetworkSettings>>;
  configurationHash: string;
  templateHashes: Readonly<Record<string, string>>;
  jobs: readonly RenderedJob[];
}

/**
 * Renders every job of every instance; each job's templates are compiled once for all instances of its group.
 * @throws TemplatesFailed with every template that failed, of the whole deployment
 */
export async function renderAll(
  wanted: WantedDeployment,
  layout: Layout,
  { linked, filled }: Pick<Place, 'linked' | 'filled'>,
  deps: RenderDeps,
): Promise<Map<string, Rendered>> {
  const dns = dnsTables(wanted, linked);
  const failures: JobFailure[] = [];
  const rendered = new Map<string, Rendered>();
  for (const group of layout.groups) {
    const networks = await mapInTurns(group.instances, (instance) => settingsOf(wanted, group, instance));
    const jobs: RenderedJob[][] = group.instances.map(() => []);
    for (const job of group.wanted.jobs) {
      const inputs = await mapInTurns(group.instances, (instance, i) =>
        inputFor({ wanted, group, instance, job, linked, filled }, networks[i] ?? {}),
      );
      const { templates } = await deps.jobs.load(job.job);
      const outcomes = await deps.renderer.render(templates, inputs, dns);
      outcomes.forEach((outcome, i) => {
        if (outcome.ok) jobs[i]?.push(outcome.job);
        else failures.push({ instanceGroup: group.wanted.group.name, job: job.name, faults: outcome.faults });
      });
    }
    await mapInTurns(group.instances, (instance, i) => {
      const own = jobs[i] ?? [];
      rendered.set(instance.id, {
        networks: networks[i] ?? {},
        jobs: own,
        configurationHash: configurationHash(own),
        templateHashes: templateHashes(own),
      });
    });
  }
  if (failures.length > 0) throw new TemplatesFailed(failures);
  return rendered;
}

interface Place {
  wanted: WantedDeployment;
  group: GroupLayout;
  instance: LaidOutInstance;
  linked: Linked;
  filled: Filled;
}

function settingsOf(
  wanted: WantedDeployment,
  { wanted: { group } }: GroupLayout,
  instance: LaidOutInstance,
): Record<string, NetworkSettings> {
  const { existing } = instance;
  const known = existing?.agent.kind === 'answered' ? (existing.agent.state.networks ?? {}) : {};
  return networkSettings(group, instance, wanted.cloud.networks, known);
}

function inputFor(
  { wanted, group, instance, job, linked, filled }: Place & { job: WantedJob },
  networks: Readonly<Record<string, NetworkSettings>>,
): EvaluationInput {
  const { links, numbers } = linked;
  const spec = baseSpec({ wanted, group: group.wanted, instance, networks, packages: {}, numbers });
  const jobLinks = links.get(group.wanted.group.name)?.get(job.name) ?? {};
  return {
    spec: templateSpec(spec, { properties: filled.properties(job), links: jobLinks, release: job.release }, (network) =>
      dnsRecordName(spec, network),
    ),
    provides: providedBy(job.name, group, linked),
  };
}

/** Told to the DNS server on the machine. */
function providedBy(job: string, group: GroupLayout, { offers, numbers }: Linked): ProvidedLink[] {
  return offersOfGroup(offers, group.wanted.group.name)
    .filter(({ key }) => key.owner === job)
    .map((offer) => {
      const { alias, type, deployment } = offer;
      const number = numbers.groups.get(groupKey({ type: 'link', name: linkGroupName(offer) }, deployment));
      return { name: alias, type, group: String(number) };
    });
}

/** What `link.address` makes names of. Instances have numbers in short names alone. */
function dnsTables(wanted: WantedDeployment, { links, numbers }: Linked): DnsTables {
  const told = [...links.values()].flatMap((jobs) => [...jobs.values()].flatMap((own) => Object.values(own)));
  const short = wanted.dns.useShort || told.some((link) => link['use_short_dns_addresses'] === true);
  return {
    azs: Object.fromEntries(numbers.azs),
    networks: Object.fromEntries(numbers.networks),
    groups: numbers.groupList,
    ...(short ? { instances: Object.fromEntries(numbers.instances) } : {}),
  };
}

/** The jobs of one instance as executing needs them: uploaded when they are wanted, rendered anew when addresses come late. */
export function jobsWork(
  place: Place,
  rendered: Rendered,
  packages: InstanceSpec['packages'],
  deps: RenderDeps,
): JobsWork {
  const { wanted, group, instance, linked } = place;
  const { numbers } = linked;
  let current = rendered;
  const specOf = (): InstanceSpec => ({
    ...baseSpec({
      wanted,
      group: group.wanted,
      instance,
      networks: current.networks,
      packages: packages as SpecParts['packages'], // made by compile/
      numbers,
    }),
    configuration_hash: current.configurationHash,
    template_hashes: current.templateHashes,
  });
  const work: JobsWork = {
    spec: specOf(),
    linkGroups: linkGroupsOf(linked.offers, group.wanted.group.name),
    async withArchive() {
      if (work.spec['rendered_templates_archive'] !== undefined) return work.spec;
      work.spec = { ...work.spec, rendered_templates_archive: await storeTemplates(current.jobs, deps.blobs) };
      return work.spec;
    },
    async learnNetworks(known) {
      const dns = dnsTables(wanted, linked);
      const networks = networkSettings(group.wanted.group, instance, wanted.cloud.networks, known);
      const jobs: RenderedJob[] = [];
      for (const job of group.wanted.jobs) {
        const { templates } = await deps.jobs.load(job.job);
        const [outcome] = await deps.renderer.render(templates, [inputFor({ ...place, job }, networks)], dns);
        if (outcome === undefined || !outcome.ok) {
          throw new TemplatesFailed([
            { instanceGroup: group.wanted.group.name, job: job.name, faults: outcome?.faults ?? [] },
          ]);
        }
        jobs.push(outcome.job);
      }
      current = { networks, jobs, configurationHash: configurationHash(jobs), templateHashes: templateHashes(jobs) };
      work.spec = specOf();
    },
  };
  return work;
}

export function renderedOf(rendered: ReadonlyMap<string, Rendered>, instanceId: string): Rendered {
  const own = rendered.get(instanceId);
  if (own === undefined) throw new Error(`instance ${instanceId} was not rendered`);
  return own;
}
