import { Router, type Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { didYouMeanOf } from '../../common/suggest.ts';
import { dnsQueryName, numbersOf, type HealthStatus } from '../plan/dns-names.ts';
import { linkGroupName } from '../plan/links/offers.ts';
import type { LinkWithEnds } from '../store/links.ts';
import type { LinkAddress } from './contract/links.ts';
import type { ApiDeps } from './deps.ts';
import { queryText } from './http/query.ts';
import { idIn } from './links.ts';

const statuses: readonly HealthStatus[] = ['healthy', 'unhealthy', 'all', 'default'];

/** A name in DNS for the instances behind a link. */
export function linkAddressRoutes({ store, requires }: ApiDeps): Router {
  const router = Router();

  router.get('/link_address', requires('read_link'), async (req, res) => {
    const name = queryText(req, 'link_id');
    if (name === undefined) throw new OperatorError('Link id is required', { code: 'link-id-required' });
    const numbers = numbersOf(await store.dns.numbers(), new Map());
    const azs = azsOf(req, [...numbers.azs.keys()]);
    const status = statusOf(req);
    const link = await store.links.link(idIn(name));
    if (link === undefined)
      throw new OperatorError(`Could not find a link with id ${name}`, { code: 'link-not-found' });
    const answer: LinkAddress = { address: addressOf(link, { azs, status, numbers }) };
    res.json(answer);
  });

  return router;
}

interface Told {
  instance_group: string;
  deployment_name: string;
  default_network: string;
  domain: string;
  use_short_dns_addresses: boolean;
  use_link_dns_names: boolean;
}

function addressOf(
  { content, provider }: LinkWithEnds,
  { azs, status, numbers }: { azs: readonly string[]; status: HealthStatus; numbers: ReturnType<typeof numbersOf> },
): string | null {
  if (Object.hasOwn(content, 'address')) return (content['address'] as string | null) ?? null; // as the manifest wrote it
  if (!Object.hasOwn(content, 'default_network'))
    throw new OperatorError('This link leads to no instances, so it has no address', { code: 'link-without-address' });
  const told = content as unknown as Told; // plan/links/content.ts wrote it
  const byLink = told.use_link_dns_names;
  if (byLink && provider === null)
    throw new OperatorError('The provider of this link is gone, and with it its name', {
      code: 'link-without-address',
      hint: 'Deploy its consumer again, so that it gets another one.',
    });
  const group =
    byLink && provider !== null
      ? ({ type: 'link', name: linkGroupName(provider) } as const)
      : ({ type: 'instance-group', name: told.instance_group } as const);
  return dnsQueryName(
    {
      group,
      deployment: told.deployment_name,
      network: told.default_network,
      domain: told.domain,
      azs,
      status,
      short: told.use_short_dns_addresses,
    },
    numbers,
  );
}

function azsOf(req: Request, known: readonly string[]): string[] {
  if (req.query['azs'] !== undefined)
    throw new OperatorError('`azs` param must be array type: `azs[]=`', { code: 'link-azs-invalid' });
  const azs = [req.query['azs[]'] ?? []].flat().map(String);
  for (const az of azs) {
    if (known.includes(az)) continue;
    const { suggestion } = didYouMeanOf(az, known);
    throw new OperatorError(`az ${az} is not valid`, {
      code: 'link-azs-invalid',
      ...(suggestion === undefined ? {} : { hint: suggestion }),
    });
  }
  return azs;
}

function statusOf(req: Request): HealthStatus {
  const given = req.query['status'];
  const isThere = given !== undefined || Object.keys(req.query).some((key) => key.startsWith('status['));
  if (!isThere) return 'default';
  const status = statuses.find((each) => each === given);
  if (status !== undefined) return status;
  throw new OperatorError(`status must be a one of: ${JSON.stringify(statuses).replaceAll(',', ', ')}`, {
    code: 'link-status-invalid',
  });
}
