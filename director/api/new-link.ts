import { OperatorError } from '../../common/errors.ts';
import type { NewLink } from './contract/links.ts';

/** In the words and the order of BOSH's links_api_manager.rb. @throws OperatorError `link-request-invalid` */
export function readNewLink(body: unknown): NewLink {
  const { link_provider_id: providerId, link_consumer: consumer, network } = fieldsOf(body);
  if (isAbsent(providerId) || providerId === '') throw invalid('`link_provider_id` must be provided');
  if (typeof providerId !== 'string') throw invalid('`link_provider_id` must be a String');
  if (isAbsent(consumer)) throw invalid('`link_consumer` section must be defined');
  const { owner_object: owner } = fieldsOf(consumer);
  if (isAbsent(owner)) throw invalid('`link_consumer.owner_object` section must be defined');
  const { type, name } = fieldsOf(owner);
  if (type !== 'external') throw invalid("`link_consumer.owner_object.type` should be 'external'");
  if (typeof name !== 'string' || name === '') throw invalid('`link_consumer.owner_object.name` must not be empty');
  if (!isAbsent(network) && typeof network !== 'string') throw invalid('`network` must be a String');
  return {
    link_provider_id: providerId,
    link_consumer: { owner_object: { name, type } },
    ...(typeof network === 'string' ? { network } : {}),
  };
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function invalid(what: string): OperatorError {
  return new OperatorError(`Invalid request: ${what}`, { code: 'link-request-invalid' });
}
