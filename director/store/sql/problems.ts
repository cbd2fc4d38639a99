import type { Selectable } from 'kysely';
import { type AgentId, type DeploymentName, id } from '../../../common/ids.ts';
import type { Problem, Problems, ProblemState, ProblemType } from '../problems.ts';
import type { ProblemTable } from '../schema.ts';
import { fromJson, portions, toJson, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

/** Of a deployment, once they are not open any more: more than anybody looks back on. */
const pastMax = 1_000;

export function sqlProblems(session: Session): Problems {
  return {
    open: (deployment) => session.read((db) => openOf(db, deployment)),

    get: (deployment, ids) =>
      session.read(async (db) => {
        const found: Problem[] = [];
        for (const some of valuePortions([...ids].sort((a, b) => a - b))) {
          const rows = await db
            .selectFrom('problems')
            .selectAll()
            .where('deployment', '=', deployment)
            .where('id', 'in', some)
            .orderBy('id')
            .execute();
          found.push(...rows.map(toProblem));
        }
        return found;
      }),

    replace: (deployment, found, { resources, nowMs }) =>
      session.write(async (db) => {
        await close(db, deployment, resources);
        const last = await newestId(db, deployment);
        const rows = found.map(({ type, resource, agentId, data }) => ({
          deployment,
          type,
          resource,
          agent_id: agentId,
          data: toJson(data),
          state: 'open',
          created_at_ms: nowMs,
        }));
        for (const some of portions(rows)) await db.insertInto('problems').values(some).execute();
        await prune(db, deployment);
        return (await openOf(db, deployment)).filter((problem) => problem.id > last);
      }),

    resolve: (problem) =>
      session.write(async (db) => {
        await db.updateTable('problems').set({ state: 'resolved' }).where('id', '=', problem).execute();
      }),
  };
}

async function openOf(db: Db, deployment: string): Promise<Problem[]> {
  const rows = await db
    .selectFrom('problems')
    .selectAll()
    .where('deployment', '=', deployment)
    .where('state', '=', 'open')
    .orderBy('id')
    .execute();
  return rows.map(toProblem);
}

async function close(db: Db, deployment: string, resources: readonly string[] | undefined): Promise<void> {
  const open = () =>
    db
      .updateTable('problems')
      .set({ state: 'closed' })
      .where('deployment', '=', deployment)
      .where('state', '=', 'open');
  if (resources === undefined) {
    await open().execute();
    return;
  }
  for (const some of valuePortions(resources)) await open().where('resource', 'in', some).execute();
}

async function newestId(db: Db, deployment: string): Promise<number> {
  const { newest } = await db
    .selectFrom('problems')
    .select((eb) => eb.fn.max<number | null>('id').as('newest'))
    .where('deployment', '=', deployment)
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

async function prune(db: Db, deployment: string): Promise<void> {
  const past = db.selectFrom('problems').where('deployment', '=', deployment).where('state', '!=', 'open');
  const oldest = await past.select('id').orderBy('id', 'desc').offset(pastMax).limit(1).executeTakeFirst();
  if (oldest === undefined) return;
  await db
    .deleteFrom('problems')
    .where('deployment', '=', deployment)
    .where('state', '!=', 'open')
    .where('id', '<=', oldest.id)
    .execute();
}

function toProblem(row: Selectable<ProblemTable>): Problem {
  return {
    id: row.id,
    deployment: id<DeploymentName>(row.deployment),
    type: row.type as ProblemType, // written from these types only, as is the state
    resource: row.resource,
    agentId: row.agent_id === null ? null : id<AgentId>(row.agent_id),
    data: fromJson(row.data),
    state: row.state as ProblemState,
    createdAtMs: row.created_at_ms,
  };
}
