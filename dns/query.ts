import { agentDomain, type Alias, type Endpoint, type Records } from './records.ts';

/** What is known of an instance's health. `unchecked`: nobody has looked. */
export type Health = (endpoint: Endpoint) => 'healthy' | 'unhealthy' | 'unchecked';

/** `elsewhere`: not ours. `malformed`: below one of our domains, and not a name that could be. */
export type Found = { kind: 'found'; endpoints: Endpoint[] } | { kind: 'elsewhere' } | { kind: 'malformed' };

/** Aliases may lead to a group and nothing else, so one of them is enough; each name takes some microseconds. */
export function find(records: Records, name: string, health: Health): Found {
  const asked = name.toLowerCase().replace(/\.$/, '');
  const byAlias = aliased(records, asked, health);
  if (byAlias !== undefined) return { kind: 'found', endpoints: byAlias };
  const domain = records.domains.find((each) => asked === each || asked.endsWith(`.${each}`));
  if (domain === undefined) return { kind: 'elsewhere' };
  const labels = asked.slice(0, -domain.length - 1).split('.');
  const [first = '', ...rest] = labels;
  if (domain === agentDomain) {
    if (rest.length > 0) return { kind: 'malformed' };
    return { kind: 'found', endpoints: [...(records.byAgent.get(first) ?? [])] };
  }
  const criteria = criteriaOf(first);
  const among = amongOf(records, rest, domain);
  if (criteria === undefined || among === undefined) return { kind: 'malformed' };
  return { kind: 'found', endpoints: matching(among, criteria, health) };
}

/** The same letter more than once: any of them; different letters: all of them. */
type Criteria = ReadonlyMap<string, readonly string[]>;

/** `q-a1a2s3`, or the id or index of one instance. Undefined: neither. */
function criteriaOf(label: string): Criteria | undefined {
  if (label === '') return undefined;
  if (!label.startsWith('q-')) return new Map([['id', [label]]]);
  const slug = label.slice(2);
  if (!/^(?:[aimnsy]\d+)+$/.test(slug)) return undefined;
  const criteria = new Map<string, string[]>();
  for (const [, letter = '', digits = ''] of slug.matchAll(/([aimnsy])(\d+)/g))
    criteria.set(letter, [...(criteria.get(letter) ?? []), digits]);
  return criteria;
}

/** Below a domain is a group by its number, or `group.network.deployment`, each of which may have an asterisk. */
function amongOf(records: Records, labels: readonly string[], domain: string): readonly Endpoint[] | undefined {
  const [first = '', network = '', deployment = ''] = labels;
  if (labels.length === 1) {
    const number = /^q-g(\d+)$/.exec(first)?.[1];
    const group = number === undefined ? undefined : (records.byGroupId.get(number) ?? []);
    return group?.filter((endpoint) => endpoint.domain === domain);
  }
  if (labels.length !== 3) return undefined;
  const among = deployment.includes('*')
    ? records.endpoints.filter((endpoint) => endpoint.domain === domain && fits(deployment, endpoint.deployment))
    : (records.byDeployment.get(`${deployment}.${domain}`) ?? []);
  return among.filter((endpoint) => fits(first, endpoint.group) && fits(network, endpoint.network));
}

function fits(pattern: string, text: string): boolean {
  const at = pattern.indexOf('*');
  if (at < 0) return pattern === text;
  const [start, end] = [pattern.slice(0, at), pattern.slice(at + 1)];
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

const fields: Readonly<Record<string, (endpoint: Endpoint) => ReadonlyArray<string | null>>> = {
  id: ({ id, index }) => [id, index],
  a: ({ azId }) => [azId],
  i: ({ index }) => [index],
  m: ({ num }) => [num],
  n: ({ networkId }) => [networkId],
};

function matching(among: readonly Endpoint[], criteria: Criteria, health: Health): Endpoint[] {
  const found = among.filter((endpoint) =>
    [...criteria].every(([letter, wanted]) => {
      const values = fields[letter]?.(endpoint);
      return values === undefined || values.some((value) => value !== null && wanted.includes(value));
    }),
  );
  return byHealth(found, criteria.get('s')?.at(-1) ?? '0', health);
}

/** 3: healthy, 1: unhealthy, 4: all; else those that are not known to be unhealthy, and all when all are. */
function byHealth(found: Endpoint[], status: string, health: Health): Endpoint[] {
  if (status === '3') return found.filter((endpoint) => health(endpoint) === 'healthy');
  if (status === '1') return found.filter((endpoint) => health(endpoint) === 'unhealthy');
  if (status === '4') return found;
  const fine = found.filter((endpoint) => health(endpoint) !== 'unhealthy');
  return fine.length > 0 ? fine : found;
}

const statusOf: Readonly<Record<string, string>> = { smart: '0', healthy: '3', unhealthy: '1', all: '4' };

/** Undefined: no alias. `_.NAME` stands for one instance by its id, index, AZ or network, as the alias says. */
function aliased(records: Records, asked: string, health: Health): Endpoint[] | undefined {
  const exact = records.aliases.get(asked);
  const dot = asked.indexOf('.');
  const open = exact === undefined ? records.aliases.get(`_${asked.slice(dot)}`) : undefined;
  const targets = exact ?? open;
  if (targets === undefined) return undefined;
  const label = asked.slice(0, dot);
  const found = targets.flatMap((target) => {
    const among = (records.byGroupId.get(target.groupId) ?? []).filter(({ domain }) => domain === target.rootDomain);
    const chosen = open === undefined ? among : among.filter((endpoint) => standsFor(target, endpoint, label));
    return byHealth([...chosen], statusOf[target.healthFilter ?? 'smart'] ?? '0', health);
  });
  return [...new Set(found)];
}

function standsFor({ placeholder }: Alias, { id, index, az, network }: Endpoint, label: string): boolean {
  const values: Readonly<Record<string, string | null>> = { uuid: id, index, az, network };
  return values[placeholder ?? 'uuid'] === label;
}
