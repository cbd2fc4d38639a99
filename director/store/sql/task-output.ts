import type { TaskId } from '../../../common/ids.ts';
import { type OutputStream, terminalStates } from '../tasks.ts';
import type { Session } from './session.ts';

/** Big appends are cut, so that a range is read without reading much around it. */
const chunkBytesMax = 256 * 1024;

/** What one transaction deletes: a few milliseconds of work, 8 MiB where it is most. */
const pruneChunks = 32;
const pruneTasksMax = 100;
/** What a power cut brings back is deleted by the next round. */
const prunedAgain = { relaxed: true };

export async function appendOutput(session: Session, task: TaskId, stream: OutputStream, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return;
  await session.write(
    async (db) => {
      // Two writers of one task (its worker, and who cancels it while it waits) must not take the same position.
      if (session.dialect === 'postgres') {
        await db.selectFrom('tasks').select('id').where('id', '=', task).forNoKeyUpdate().execute();
      }
      const last = await db
        .selectFrom('task_output')
        .select((eb) => ['position', eb.fn<number>('length', ['bytes']).as('length')])
        .where('task_id', '=', task)
        .where('stream', '=', stream)
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst();
      const end = last === undefined ? 0 : last.position + last.length;
      for (let from = 0; from < bytes.length; from += chunkBytesMax) {
        await db
          .insertInto('task_output')
          .values({ task_id: task, stream, position: end + from, bytes: bytes.subarray(from, from + chunkBytesMax) })
          .execute();
      }
    },
    { relaxed: true },
  );
}

export async function readOutput(
  session: Session,
  task: TaskId,
  stream: OutputStream,
  { from, bytesMax }: { from: number; bytesMax: number },
): Promise<{ bytes: Buffer; size: number } | undefined> {
  return session.read(async (db) => {
    const chunks = db.selectFrom('task_output').where('task_id', '=', task).where('stream', '=', stream);
    const last = await chunks
      .select((eb) => ['position', eb.fn<number>('length', ['bytes']).as('length')])
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) return undefined;

    const size = last.position + last.length;
    const to = Math.min(size, from + bytesMax); // what is appended from now on is for the next reader
    if (from >= to) return { bytes: Buffer.alloc(0), size };
    const rows = await chunks
      .select(['position', 'bytes'])
      .where('position', '>=', chunks.select((eb) => eb.fn.max('position').as('first')).where('position', '<=', from))
      .where('position', '<', to)
      .orderBy('position')
      .execute();
    const first = rows[0]?.position ?? from;
    return { bytes: Buffer.concat(rows.map((row) => row.bytes)).subarray(from - first, to - first), size };
  });
}

export async function pruneTasks(session: Session, keep: number, signal?: AbortSignal): Promise<number> {
  let pruned = 0;
  for (let type = await nextType(session, ''); type !== undefined; type = await nextType(session, type)) {
    const newestGone = await newestBeyond(session, type, keep);
    if (newestGone === undefined) continue;
    for (;;) {
      if (signal?.aborted === true) return pruned;
      const ids = await endedUpTo(session, type, newestGone);
      if (ids.length === 0) break;
      for (const id of ids) await deleteOutput(session, id);
      await session.write((db) => db.deleteFrom('tasks').where('id', 'in', ids).execute(), prunedAgain);
      pruned += ids.length;
      await nextTurn();
    }
  }
  return pruned;
}

/** Each step is one look into an index, however many tasks there are. */
async function nextType(session: Session, after: string): Promise<string | undefined> {
  const row = await session.read((db) =>
    db.selectFrom('tasks').select('type').where('type', '>', after).orderBy('type').limit(1).executeTakeFirst(),
  );
  return row?.type;
}

const ended = [...terminalStates];

async function newestBeyond(session: Session, type: string, keep: number): Promise<number | undefined> {
  const row = await session.read((db) =>
    db
      .selectFrom('tasks')
      .select('id')
      .where('type', '=', type)
      .where('state', 'in', ended)
      .orderBy('id', 'desc')
      .offset(keep)
      .limit(1)
      .executeTakeFirst(),
  );
  return row?.id;
}

async function endedUpTo(session: Session, type: string, newest: number): Promise<number[]> {
  const rows = await session.read((db) =>
    db
      .selectFrom('tasks')
      .select('id')
      .where('type', '=', type)
      .where('id', '<=', newest)
      .where('state', 'in', ended)
      .orderBy('id')
      .limit(pruneTasksMax)
      .execute(),
  );
  return rows.map((row) => row.id);
}

/** A long debug output is gigabytes: deleted in portions, between which others get at the database. */
async function deleteOutput(session: Session, task: number): Promise<void> {
  for (;;) {
    const deleted = await session.write(async (db) => {
      const first = db
        .selectFrom('task_output')
        .where('task_id', '=', task)
        .orderBy('stream')
        .orderBy('position')
        .limit(pruneChunks);
      const rows = await first.select(['stream', 'position']).execute();
      const last = rows.at(-1);
      if (last === undefined) return 0;
      await db
        .deleteFrom('task_output')
        .where('task_id', '=', task)
        .where((eb) =>
          eb.or([
            eb('stream', '<', last.stream),
            eb.and([eb('stream', '=', last.stream), eb('position', '<=', last.position)]),
          ]),
        )
        .execute();
      return rows.length;
    }, prunedAgain);
    if (deleted < pruneChunks) return;
    await nextTurn();
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
