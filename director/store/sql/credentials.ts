import { type Insertable, type Selectable, sql } from 'kysely';
import { groupBy } from '../../../common/group-by.ts';
import type { CredentialFilter, Credentials, CredentialSummary, SealedCredential } from '../credentials.ts';
import type { CredentialVersionTable } from '../schema.ts';
import { flag, fromJson, toJson, unflag, valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

type Row = Selectable<CredentialVersionTable>;

export function sqlCredentials(session: Session): Credentials {
  return {
    live: (names) =>
      session.read(async (db) => {
        const found: Row[] = [];
        for (const portion of valuePortions(names)) {
          const rows = await db
            .selectFrom('credential_versions')
            .selectAll()
            .where('name', 'in', portion)
            .where((eb) =>
              eb.or([
                eb('transitional', '=', flag(true)),
                eb('number', 'in', inForce(db).where('newest.name', 'in', portion)),
              ]),
            )
            .orderBy('transitional')
            .execute();
          found.push(...rows);
        }
        return groupBy(found.map(toCredential), ({ name }) => name);
      }),

    byId: (ids) =>
      session.read(async (db) => {
        const found = new Map<string, SealedCredential>();
        for (const portion of valuePortions(ids)) {
          const rows = await db.selectFrom('credential_versions').selectAll().where('id', 'in', portion).execute();
          for (const row of rows) found.set(row.id, toCredential(row));
        }
        return found;
      }),

    versions: (name, limit) =>
      session.read(async (db) => {
        const query = db.selectFrom('credential_versions').selectAll().where('name', '=', name);
        return (await query.orderBy('number', 'desc').limit(limit).execute()).map(toCredential);
      }),

    list: (filter) => session.read((db) => list(db, filter)),

    add: (version, { onlyFirst = false } = {}) =>
      session.write(async (db) => {
        const { numInsertedOrUpdatedRows } = await db
          .insertInto('credentials')
          .values({ name: version.name })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .executeTakeFirstOrThrow();
        if (onlyFirst && numInsertedOrUpdatedRows === 0n) return false;
        await db.insertInto('credential_versions').values(fromCredential(version)).execute();
        return true;
      }),

    setTransitional: (name, id) =>
      session.write(async (db) => {
        await db
          .updateTable('credential_versions')
          .set((eb) => ({
            transitional: id === null ? flag(false) : eb.case().when('id', '=', id).then(1).else(0).end(),
          }))
          .where('name', '=', name)
          .execute();
      }),

    delete: (name) =>
      session.write(async (db) => {
        const { numDeletedRows } = await db
          .deleteFrom('credentials')
          .where('name', '=', name)
          .executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      }),

    keyIds: () =>
      session.read(async (db) =>
        (await db.selectFrom('credential_versions').select('key_id').distinct().execute()).map((row) => row.key_id),
      ),
  };
}

/** The numbers of the versions that count: of each name the newest that is not transitional. */
function inForce(db: Db) {
  return db
    .selectFrom('credential_versions as newest')
    .select((eb) => eb.fn.max('newest.number').as('number'))
    .where('newest.transitional', '=', flag(false))
    .groupBy('newest.name');
}

async function list(db: Db, { prefix, part, signedBy, expiresBeforeMs, limit }: CredentialFilter) {
  let query = db
    .selectFrom('credential_versions')
    .select([
      'id',
      'name',
      'type',
      'metadata',
      'transitional',
      'signed_by',
      'signer_version',
      'expires_at_ms',
      'created_at_ms',
    ])
    .where('number', 'in', inForce(db));
  if (prefix !== undefined) query = query.where('name', '>=', prefix).where('name', '<', `${prefix}\u{10ffff}`);
  if (part !== undefined) query = query.where(sql<boolean>`lower(name) like ${likeOf(part)} escape '\\'`);
  if (signedBy !== undefined) query = query.where('signed_by', '=', signedBy);
  if (expiresBeforeMs !== undefined) query = query.where('expires_at_ms', '<', expiresBeforeMs);
  return (await query.orderBy('name').limit(limit).execute()).map(toSummary);
}

function likeOf(part: string): string {
  return `%${part.toLowerCase().replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

function toSummary(row: Omit<Row, 'number' | 'sealed' | 'key_id'>): CredentialSummary {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    metadata: row.metadata === null ? null : fromJson(row.metadata),
    transitional: unflag(row.transitional),
    signedBy: row.signed_by,
    signerVersion: row.signer_version,
    expiresAtMs: row.expires_at_ms,
    createdAtMs: row.created_at_ms,
  };
}

function toCredential(row: Row): SealedCredential {
  return { ...toSummary(row), sealed: row.sealed, keyId: row.key_id };
}

function fromCredential(version: SealedCredential): Insertable<CredentialVersionTable> {
  return {
    id: version.id,
    name: version.name,
    type: version.type,
    sealed: version.sealed,
    key_id: version.keyId,
    metadata: version.metadata === null ? null : toJson(version.metadata),
    transitional: flag(version.transitional),
    signed_by: version.signedBy,
    signer_version: version.signerVersion,
    expires_at_ms: version.expiresAtMs,
    created_at_ms: version.createdAtMs,
  };
}
