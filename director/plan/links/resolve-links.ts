import { atOnce, mapped } from '../../../common/in-turns.ts';
import type { LinkConsumption } from '../../../manifests/links.ts';
import type { LinkProvider, NewConsumer, NewProvider, ProviderContent } from '../../store/links.ts';
import type { Numbers } from '../dns-names.ts';
import type { Layout } from '../layout.ts';
import type { WantedDeployment, WantedJob } from '../wanted.ts';
import { contentFor, describing, type LinkContent, type Wish } from './content.ts';
import { linksUnresolved, unresolved, type LinkFault } from './faults.ts';
import { definitions, linkGroupName, offerOnRecord, offersOf, type LinkDefinition, type Offer } from './offers.ts';

/** By group, then job, then link name: what templates see by `link('name')`, the same for all instances of a group. */
export type ResolvedLinks = ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, LinkContent>>>>;

/** What links are found among besides the deployment itself. */
export interface LinkSurroundings {
  /** Shared ones of the deployments that are named in `consumes`; null: there is no such deployment. */
  elsewhere: ReadonlyMap<string, readonly LinkProvider[] | null>;
  numbers: Numbers;
}

export interface LinkPlan {
  links: ResolvedLinks;
  /** What the deployment's own jobs and disks provide. */
  offers: readonly Offer[];
  /** To be recorded before anything is changed. */
  providers: readonly NewProvider[];
  consumers: readonly NewConsumer[];
  warnings: readonly string[];
}

/** Those whose links the jobs want. */
export function deploymentsConsumedFrom(wanted: WantedDeployment): string[] {
  const all = wanted.groups.flatMap(({ jobs }) => jobs.flatMap(({ consumes }) => [...consumes.values()]));
  const others = all.flatMap((each) => (each.kind === 'from' && each.deployment !== null ? [each.deployment] : []));
  return [...new Set(others)].filter((name) => name !== wanted.name);
}

export function resolveLinks(wanted: WantedDeployment, layout: Layout, around: LinkSurroundings): LinkPlan {
  return atOnce(resolvingLinks(wanted, layout, around));
}

/**
 * Finds the provider of every link that a job consumes. A link that the manifest doesn't mention takes the one
 * provider of its type; with `from` it takes the one of that name, too. An optional link without a provider is left
 * out, unless the manifest asks for it by name.
 * @throws OperatorError `links-unresolved` with every link that could not be resolved
 */
export function* resolvingLinks(
  wanted: WantedDeployment,
  layout: Layout,
  around: LinkSurroundings,
): Generator<void, LinkPlan> {
  const { offers, faults: ofOffers } = offersOf(wanted, layout);
  const finder = new Finder(wanted, offers, around.elsewhere);
  const choices: Choice[] = [];
  for (const { wanted: group } of layout.groups) {
    yield;
    for (const job of group.jobs)
      for (const definition of definitions(job.job.spec['consumes']))
        choices.push(finder.choose(group.group.name, job, definition));
  }
  const faults = [...ofOffers.map((text): LinkFault => ({ text })), ...finder.faults];
  if (faults.length > 0) throw linksUnresolved(wanted.name, faults);

  const contents = new Map<Offer, ProviderContent>();
  const needed = new Set(choices.flatMap(({ found }) => (found.kind === 'offer' ? [found.offer] : [])));
  for (const offer of [...offers.filter(({ shared }) => shared), ...needed])
    if (!contents.has(offer)) contents.set(offer, yield* describing(wanted, offer, around.numbers));
  return { offers, ...(yield* linking(wanted, { offers, choices, contents })) };
}

interface Choice {
  group: string;
  job: WantedJob;
  consumer: Omit<NewConsumer, 'link'>;
  found: Found;
}

type Found = { kind: 'offer'; offer: Offer; wish: Wish } | { kind: 'manual'; content: LinkContent } | { kind: 'none' };

class Finder {
  readonly faults: LinkFault[] = [];
  readonly #wanted: WantedDeployment;
  readonly #own: readonly Offer[];
  readonly #elsewhere: LinkSurroundings['elsewhere'];

  constructor(wanted: WantedDeployment, own: readonly Offer[], elsewhere: LinkSurroundings['elsewhere']) {
    this.#wanted = wanted;
    this.#own = own;
    this.#elsewhere = elsewhere;
  }

  choose(group: string, job: WantedJob, { name, type, optional }: LinkDefinition): Choice {
    const consumption = job.consumes.get(name);
    const asked = consumption?.kind === 'from' ? (consumption.from ?? name) : name;
    const alias = asked.slice(asked.lastIndexOf('.') + 1);
    const consumer = { ownerType: 'job' as const, group, owner: job.name, name, alias, type, optional };
    return { group, job, consumer, found: this.#find(consumer, consumption) };
  }

  #find(consumer: Choice['consumer'], consumption: LinkConsumption | undefined): Found {
    const refuse = (found: readonly Offer[], network: string | null = null): Found => {
      const ofType = this.#own.filter(({ type }) => type === consumer.type).map(({ alias }) => alias);
      const text = unresolved(consumer, found, network);
      this.faults.push(
        found.length === 0 && consumption?.kind === 'from'
          ? { text, asked: { name: consumer.alias, known: ofType } }
          : { text },
      );
      return { kind: 'none' };
    };
    if (consumption?.kind === 'blocked') return consumer.optional ? { kind: 'none' } : refuse([]);
    if (consumption?.kind === 'manual') return { kind: 'manual', content: this.#manual(consumption) };
    const wish = { network: consumption?.network ?? null, ipAddresses: consumption?.ipAddresses ?? null };
    const among = this.#among(consumer, consumption?.deployment ?? null);
    if (among === undefined) return { kind: 'none' };
    const fitting = among.filter(
      ({ type, alias }) => type === consumer.type && (consumption === undefined || alias === consumer.alias),
    );
    const [offer, another] = fitting;
    if (offer === undefined) return consumer.optional && consumption === undefined ? { kind: 'none' } : refuse([]);
    if (another !== undefined) return refuse(fitting, wish.network);
    if (wish.network !== null && !offer.networks.includes(wish.network)) return refuse(fitting, wish.network);
    return { kind: 'offer', offer, wish };
  }

  /** Undefined: of a deployment that there is not. */
  #among({ alias, owner, group }: Choice['consumer'], deployment: string | null): readonly Offer[] | undefined {
    if (deployment === null || deployment === this.#wanted.name) return this.#own;
    const providers = this.#elsewhere.get(deployment);
    if (providers === undefined) throw new Error(`nobody asked for the links of deployment ${deployment}`);
    if (providers !== null) return providers.map(offerOnRecord);
    const text = `Link '${alias}' in job '${owner}' from instance group '${group}' consumes from deployment '${deployment}', but the deployment does not exist.`;
    this.faults.push({ text });
    return undefined;
  }

  /** All its keys are there, given or not: templates ask whether there is an address. */
  #manual({ instances, properties, address }: Extract<LinkConsumption, { kind: 'manual' }>): LinkContent {
    return { instances, properties, address, deployment_name: this.#wanted.name };
  }
}

function* linking(
  wanted: WantedDeployment,
  {
    offers,
    choices,
    contents,
  }: { offers: readonly Offer[]; choices: readonly Choice[]; contents: ReadonlyMap<Offer, ProviderContent> },
): Generator<void, Omit<LinkPlan, 'offers'>> {
  const links = new Map<string, Map<string, Record<string, LinkContent>>>();
  const told = new Told(wanted, contents);
  const manual: NewProvider[] = [];
  for (const { group, jobs } of wanted.groups)
    links.set(group.name, new Map(jobs.map(({ name }) => [name, {} as Record<string, LinkContent>])));
  const consumers = yield* mapped(choices, ({ group, job, consumer, found }): NewConsumer => {
    const ofJob = links.get(group)?.get(job.name) ?? {};
    const { name, type } = consumer;
    if (found.kind === 'none') return { ...consumer, link: null };
    if (found.kind === 'manual') {
      const key = { ownerType: 'manual' as const, group, owner: job.name, name };
      manual.push({ ...key, alias: name, type, shared: false, content: found.content });
      ofJob[name] = { ...found.content, group_name: linkGroupName({ alias: name, type }) };
      return { ...consumer, link: { provider: { own: key }, content: found.content } };
    }
    const { link, template } = told.of(found.offer, found.wish);
    ofJob[name] = template;
    return { ...consumer, link: { provider: found.offer.ref, content: link } };
  });
  const own = offers.map((offer): NewProvider => {
    const { key, alias, type, shared } = offer;
    return { ...key, alias, type, shared, content: contents.get(offer) ?? null };
  });
  return { links, providers: [...own, ...manual], consumers, warnings: [...told.warnings] };
}

/** What was told of an offer once is told to the next one who asks for the same: of 1,000 instances that is a lot. */
class Told {
  readonly warnings = new Set<string>();
  readonly #wanted: WantedDeployment;
  readonly #contents: ReadonlyMap<Offer, ProviderContent>;
  readonly #told = new Map<Offer, Map<string, { link: LinkContent; template: LinkContent }>>();

  constructor(wanted: WantedDeployment, contents: ReadonlyMap<Offer, ProviderContent>) {
    this.#wanted = wanted;
    this.#contents = contents;
  }

  of(offer: Offer, wish: Wish): { link: LinkContent; template: LinkContent } {
    const wishes = this.#told.get(offer) ?? new Map<string, { link: LinkContent; template: LinkContent }>();
    this.#told.set(offer, wishes);
    const key = `${wish.network ?? ''} ${String(wish.ipAddresses)}`;
    const known = wishes.get(key);
    if (known !== undefined) return known;
    const { content, lacking } = contentFor(this.#contents.get(offer) ?? {}, wish, this.#wanted.dns.useAddresses);
    for (const instance of lacking)
      this.warnings.add(`DNS address not available for the link provider instance: ${instance}`);
    const fresh = { link: content, template: { ...content, group_name: linkGroupName(offer) } };
    wishes.set(key, fresh);
    return fresh;
  }
}
