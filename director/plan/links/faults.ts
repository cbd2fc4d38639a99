import { OperatorError } from '../../../common/errors.ts';
import { didYouMean } from '../../../common/suggest.ts';
import type { NewConsumer } from '../../store/links.ts';
import type { Offer } from './offers.ts';

/** As BOSH tells it, for those who look for its words. Source: links_error_builder.rb. */
export function unresolved(
  consumer: Omit<NewConsumer, 'link' | 'optional'>,
  found: readonly Offer[],
  network: string | null,
): string {
  const { name, alias, type, owner, group } = consumer;
  const asked = alias === name ? '' : `alias '${alias}' and `;
  const whose =
    consumer.ownerType === 'variable' ? `variable '${owner}'.` : `job '${owner}' in instance group '${group}'.`;
  const head = `Failed to resolve link '${name}' with ${asked}type '${type}' from ${whose}`;
  const title = found.length > 1 ? 'Multiple link providers found:' : 'Details below:';
  const details = found.length === 0 ? ['No link providers found'] : found.map((offer) => describe(offer, network));
  return [`${head} ${title}`, ...details.map((detail) => `    - ${detail}`)].join('\n');
}

function describe({ key, alias, deployment }: Offer, network: string | null): string {
  if (key.ownerType === 'disk') {
    const lacks = network === null ? '' : ' does not contain any networks';
    return `Disk link provider '${key.name}' from instance group '${key.group}'${lacks}`;
  }
  const as = alias === key.name ? '' : `with alias '${alias}' `;
  const lacks = network === null ? '' : ` does not belong to network '${network}'`;
  return `Link provider '${key.name}' ${as}from job '${key.owner}' in instance group '${key.group}' in deployment '${deployment}'${lacks}`;
}

export interface LinkFault {
  text: string;
  /** A name that was asked for, and those that there are: it may be a slip. */
  asked?: { name: string; known: readonly string[] };
}

export function linksUnresolved(deployment: string, faults: readonly LinkFault[]): OperatorError {
  const texts = faults.map(({ text }) => text);
  const slips = faults.flatMap(({ asked }) => {
    const { suggestion } = asked === undefined ? {} : didYouMean(asked.name, asked.known);
    return suggestion === undefined ? [] : [`Instead of "${asked?.name}": ${suggestion}`];
  });
  return new OperatorError(
    `Failed to resolve links from deployment '${deployment}'. See errors below:\n${texts.map((text) => `  - ${text}`).join('\n')}`,
    {
      code: 'links-unresolved',
      hint: [
        'Name the provider with `consumes: {LINK: {from: NAME}}` on the job, or deploy a job that provides the link; a link of another deployment has to be `shared` there.',
        ...new Set(slips),
      ].join(' '),
      details: { faults: texts },
    },
  );
}
