import type { Selectable } from 'kysely';
import { type LogIn, type LogIns, tokensOfLogInMax } from '../log-ins.ts';
import type { LogInTable } from '../schema.ts';
import { fromJson, toJson } from './rows.ts';
import type { Session } from './session.ts';

export function sqlLogIns(session: Session): LogIns {
  return {
    create: (logIn, hash) =>
      session.write(async (db) => {
        await db.insertInto('log_ins').values(toRow(logIn)).execute();
        await db.insertInto('refresh_tokens').values({ hash, log_in: logIn.id, used_at_ms: null }).execute();
      }),

    find: (hash) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('refresh_tokens')
          .innerJoin('log_ins', 'log_ins.id', 'refresh_tokens.log_in')
          .selectAll('log_ins')
          .select('refresh_tokens.used_at_ms')
          .where('refresh_tokens.hash', '=', hash)
          .executeTakeFirst();
        return row === undefined ? undefined : { logIn: toLogIn(row), usedAtMs: row.used_at_ms };
      }),

    rotate: ({ logIn, from, to, nowMs }) =>
      session.write(async (db) => {
        const there = await db
          .selectFrom('log_ins')
          .select('id')
          .where('id', '=', logIn)
          .$if(session.dialect === 'postgres', (query) => query.forUpdate())
          .executeTakeFirst();
        if (there === undefined) return false;
        await db
          .updateTable('refresh_tokens')
          .set({ used_at_ms: nowMs })
          .where('hash', '=', from)
          .where('used_at_ms', 'is', null)
          .execute();
        await db.insertInto('refresh_tokens').values({ hash: to, log_in: logIn, used_at_ms: null }).execute();
        await db
          .deleteFrom('refresh_tokens')
          .where('id', 'in', (older) =>
            older
              .selectFrom('refresh_tokens')
              .select('id')
              .where('log_in', '=', logIn)
              .orderBy('id', 'desc')
              .limit(tokensOfLogInMax)
              .offset(tokensOfLogInMax),
          )
          .execute();
        return true;
      }),

    end: (logIn) =>
      session.write(async (db) => {
        await db.deleteFrom('log_ins').where('id', '=', logIn).execute();
      }),

    endOf: (user) =>
      session.write(async (db) => {
        const { numDeletedRows } = await db
          .deleteFrom('log_ins')
          .where('username', '=', user)
          .executeTakeFirstOrThrow();
        return Number(numDeletedRows);
      }),

    prune: (nowMs) =>
      session.write(
        async (db) => {
          await db.deleteFrom('log_ins').where('expires_at_ms', '<=', nowMs).execute();
        },
        { relaxed: true },
      ),
  };
}

function toRow({ id, user, source, client, scopes, createdAtMs, expiresAtMs }: LogIn): LogInTable {
  return {
    id,
    username: user,
    source,
    client,
    scopes: scopes === null ? null : toJson(scopes),
    created_at_ms: createdAtMs,
    expires_at_ms: expiresAtMs,
  };
}

function toLogIn(row: Selectable<LogInTable>): LogIn {
  return {
    id: row.id,
    user: row.username,
    source: row.source,
    client: row.client,
    scopes: row.scopes === null ? null : fromJson(row.scopes),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
