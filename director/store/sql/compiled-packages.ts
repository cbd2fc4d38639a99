import { createHash } from 'node:crypto';
import { type BlobId, id } from '../../../common/ids.ts';
import type { CompiledPackage, Releases } from '../releases.ts';
import { toCompiledPackage } from './release-rows.ts';
import { valuePortions } from './rows.ts';
import type { Db, Session } from './session.ts';

type CompiledPackages = Pick<
  Releases,
  | 'compiledFor'
  | 'compiledByFingerprint'
  | 'addCompiled'
  | 'setCompiledBlob'
  | 'deleteCompiledOf'
  | 'allCompiled'
  | 'deleteCompiled'
>;

export function compiledPackages(session: Session): CompiledPackages {
  return {
    compiledFor: (packageIds) =>
      session.read(async (db) => {
        const found = [];
        for (const portion of valuePortions(packageIds)) {
          const rows = await db
            .selectFrom('compiled_packages')
            .selectAll()
            .where('package_id', 'in', portion)
            .orderBy('id')
            .execute();
          found.push(...rows.map(toCompiledPackage));
        }
        return found;
      }),

    compiledByFingerprint: (fingerprints) =>
      session.read(async (db) => {
        const found = [];
        for (const portion of valuePortions(fingerprints)) {
          const rows = await db
            .selectFrom('compiled_packages')
            .innerJoin('packages', 'packages.id', 'package_id')
            .selectAll('compiled_packages')
            .select(['packages.name', 'packages.fingerprint'])
            .where('packages.fingerprint', 'in', portion)
            .orderBy('compiled_packages.id')
            .execute();
          found.push(
            ...rows.map((row) => ({ ...toCompiledPackage(row), name: row.name, fingerprint: row.fingerprint })),
          );
        }
        return found;
      }),

    addCompiled: (compiled) =>
      session.write(async (db) => {
        // Two compilations of one package end at the same moment: they count one after the other.
        if (session.dialect === 'postgres') {
          await db.selectFrom('packages').select('id').where('id', '=', compiled.packageId).forNoKeyUpdate().execute();
        }
        return (await existing(db, compiled)) ?? (await insert(db, compiled));
      }),

    setCompiledBlob: (compiledId, { blobId, digest }) =>
      session.write(async (db) => {
        await db
          .updateTable('compiled_packages')
          .set({ blob_id: blobId, digest })
          .where('id', '=', compiledId)
          .execute();
      }),

    deleteCompiledOf: (packageId) =>
      session.write(async (db) => {
        const rows = await db
          .deleteFrom('compiled_packages')
          .where('package_id', '=', packageId)
          .returning('blob_id')
          .execute();
        return rows.map((row) => id<BlobId>(row.blob_id));
      }),

    allCompiled: () =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('compiled_packages')
          .innerJoin('packages', 'packages.id', 'package_id')
          .selectAll('compiled_packages')
          .select('packages.name')
          .orderBy('compiled_packages.id')
          .execute();
        return rows.map((row) => ({ ...toCompiledPackage(row), name: row.name }));
      }),

    deleteCompiled: (compiledId) =>
      session.write(async (db) => {
        const row = await db
          .deleteFrom('compiled_packages')
          .where('id', '=', compiledId)
          .returning('blob_id')
          .executeTakeFirst();
        return row === undefined ? undefined : id<BlobId>(row.blob_id);
      }),
  };
}

type NewCompiled = Omit<CompiledPackage, 'id' | 'build'>;

const keyDigest = (dependencyKey: string) => createHash('sha256').update(dependencyKey).digest('hex');

function ofStemcell(db: Db, { packageId, stemcellOs, stemcellVersion }: NewCompiled) {
  return db
    .selectFrom('compiled_packages')
    .where('package_id', '=', packageId)
    .where('stemcell_os', '=', stemcellOs)
    .where('stemcell_version', '=', stemcellVersion);
}

async function existing(db: Db, compiled: NewCompiled): Promise<CompiledPackage | undefined> {
  const row = await ofStemcell(db, compiled)
    .selectAll()
    .where('dependency_key_sha256', '=', keyDigest(compiled.dependencyKey))
    .executeTakeFirst();
  return row === undefined ? undefined : toCompiledPackage(row);
}

async function insert(db: Db, compiled: NewCompiled): Promise<CompiledPackage> {
  const { newest } = await ofStemcell(db, compiled)
    .select((eb) => eb.fn.max('build').as('newest'))
    .executeTakeFirstOrThrow();
  const row = await db
    .insertInto('compiled_packages')
    .values({
      package_id: compiled.packageId,
      stemcell_os: compiled.stemcellOs,
      stemcell_version: compiled.stemcellVersion,
      dependency_key: compiled.dependencyKey,
      dependency_key_sha256: keyDigest(compiled.dependencyKey),
      build: (newest ?? 0) + 1,
      blob_id: compiled.blobId,
      digest: compiled.digest,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toCompiledPackage(row);
}
