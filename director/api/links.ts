import { Router, type Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { contentFor } from '../plan/links/content.ts';
import type { Link, LinkConsumer, LinkOwnerType, LinkProvider, ProviderListing } from '../store/links.ts';
import type { Link as WireLink, LinkConsumer as WireConsumer, LinkProvider as WireProvider } from './contract/links.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { deploymentNotFound } from './deployment-lookup.ts';
import { parseJson, readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';
import { readNewLink } from './new-link.ts';
import { rubyTime } from './ruby-time.ts';

const external: LinkOwnerType = 'external';
/** A request for a link has some hundred bytes. */
const requestBytesMax = 64 * 1024;

/**
 * Clients compare what they are told here word by word, so nothing is added to it; docs/operators/errors.md has what to do.
 * What jobs provide and consume, and links that something outside of all deployments wants to be told of. */
export function linkRoutes({ store, requires, clock }: ApiDeps): Router {
  const router = Router();

  router.get('/link_providers', requires('read'), async (req, res) => {
    res.json((await store.links.providers(await deploymentOf(req))).map(providerToWire));
  });

  router.get('/link_consumers', requires('read'), async (req, res) => {
    res.json((await store.links.consumers(await deploymentOf(req))).map(consumerToWire));
  });

  router.get('/links', requires('read'), async (req, res) => {
    res.json((await store.links.links(await deploymentOf(req))).map(linkToWire));
  });

  router.post('/links', consumes(mediaTypes.json), requires('create_link'), async (req, res) => {
    const wanted = readNewLink(parseJson(await readText(req, requestBytesMax)));
    const provider = await sharedProvider(wanted.link_provider_id);
    const { network = null } = wanted;
    const { name: owner } = wanted.link_consumer.owner_object;
    refuseOtherNetwork(provider, network, owner);
    const { content } = contentFor(provider.content ?? {}, { network, ipAddresses: null }, false);
    res.json(linkToWire(await store.links.createExternal({ provider, owner, content }, clock.now())));
  });

  router.delete('/links/:id', requires('delete_link'), async (req, res) => {
    const name = pathText(req, 'id');
    const link = await store.links.link(idIn(name));
    if (link === undefined) throw new OperatorError(`Invalid link id: ${name}`, { code: 'link-not-found' });
    if (link.consumer.ownerType !== external)
      throw new OperatorError('Error deleting link: not a external link', {
        code: 'link-not-external',
        hint: 'It is of a job, and goes when a deploy takes it from the job.',
      });
    await store.links.deleteExternal(link.id);
    res.status(204).end();
  });

  return router;

  async function deploymentOf(req: Request): Promise<string> {
    const name = queryText(req, 'deployment');
    if (name === undefined) throw new OperatorError('Deployment name is required', { code: 'deployment-required' });
    if ((await store.deployments.get(name)) === undefined) throw deploymentNotFound(name);
    return name;
  }

  async function sharedProvider(name: string): Promise<LinkProvider> {
    const provider = await store.links.provider(idIn(name));
    if (provider === undefined)
      throw new OperatorError(`Invalid link_provider_id: ${name}`, {
        code: 'link-provider-not-found',
      });
    if (!provider.shared)
      throw new OperatorError('Provider not `shared`', {
        code: 'link-provider-not-shared',
      });
    return provider;
  }
}

/** One that no row has, for what is no id. */
export function idIn(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

function refuseOtherNetwork({ id, content }: LinkProvider, network: string | null, owner: string): void {
  if (network === null) return;
  const networks = content?.['networks'];
  if (Array.isArray(networks) && networks.includes(network)) return;
  throw new OperatorError(`Can't resolve network: \`${network}\` in provider id: ${id} for \`${owner}\``, {
    code: 'link-network-not-found',
  });
}

function providerToWire(provider: ProviderListing): WireProvider {
  const { id, deployment, ownerType, group, owner, name, alias, type, shared } = provider;
  return {
    id: String(id),
    name: alias,
    shared,
    deployment,
    link_provider_definition: { type, name },
    owner_object: { type: ownerType, name: owner, info: { instance_group: group } },
  };
}

function consumerToWire(consumer: LinkConsumer): WireConsumer {
  const { id, deployment, ownerType, group, owner, name, alias, type, optional } = consumer;
  return {
    id: String(id),
    name: alias,
    optional,
    deployment,
    owner_object: { type: ownerType, name: owner, ...(group === '' ? {} : { info: { instance_group: group } }) },
    link_consumer_definition: { name, type },
  };
}

function linkToWire({ id, name, consumerId, providerId, createdAtMs }: Link): WireLink {
  return {
    id: String(id),
    name,
    link_consumer_id: String(consumerId),
    link_provider_id: providerId === null ? null : String(providerId),
    created_at: rubyTime(createdAtMs),
  };
}
