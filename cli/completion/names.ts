import type { DeploymentSummary } from '../../director/api/contract/deployments.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { Context } from '../context.ts';
import { withQuery } from '../query.ts';
import type { NameKind } from './kinds.ts';

/** Who has pressed TAB waits: longer than this, and nothing is offered. */
const waitMsMax = 1_000;

/** Others mean something to a shell, which takes them unquoted from what is offered. */
const plain = /^[\w.:/@-]+$/;

/** Names to choose from; none where the director can't be reached, or says no: a prompt is no place for errors. */
export async function namesOf(kind: NameKind, context: Context): Promise<string[]> {
  return (await allNames(kind, context)).filter((name) => plain.test(name));
}

async function allNames(kind: NameKind, { session, clock }: Context): Promise<string[]> {
  switch (kind) {
    case 'environments': {
      const config = await session.config().catch(() => undefined);
      return (config?.environments() ?? []).map(({ alias, url }) => (typeof alias === 'string' ? alias : url));
    }
    case 'deployments': {
      const asked = deployments(session).catch(() => []);
      const late = new Promise<string[]>((resolve) => clock.after(waitMsMax, () => resolve([])));
      return Promise.race([asked, late]);
    }
  }
}

async function deployments(session: Context['session']): Promise<string[]> {
  const client = await session.director();
  const path = withQuery(paths.deployments, {
    exclude_configs: 'true',
    exclude_releases: 'true',
    exclude_stemcells: 'true',
  });
  return (await client.get<DeploymentSummary[]>(path)).map(({ name }) => name);
}
