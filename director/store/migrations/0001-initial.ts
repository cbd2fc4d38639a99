import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** What the first released director had. Never changed again: what comes later is a migration of its own. */
export async function initial(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tasks(db, types);
  await releases(db, types);
  await deployments(db, types);
  await instances(db, types);
}

/** A table whose ids are given by the database and never given twice, not even after a delete. */
function numbered(db: Kysely<unknown>, table: string, types: ColumnTypes, column = 'id'): CreateTableBuilder<string> {
  return db.schema.createTable(table).addColumn(column, types.number, types.counted);
}

async function tasks(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const { number } = types;
  await db.schema
    .createTable('attributes')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute();

  await numbered(db, 'tasks', types)
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('lane', 'text', (c) => c.notNull())
    .addColumn('args', 'text', (c) => c.notNull())
    .addColumn('username', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text')
    .addColumn('context_id', 'text', (c) => c.notNull())
    .addColumn('teams', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .addColumn('started_at_ms', number)
    .addColumn('finished_at_ms', number)
    .addColumn('checkpoint_at_ms', number)
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('lease_owner', 'text')
    .addColumn('lease_fence', number, (c) => c.notNull())
    .addColumn('lease_until_ms', number)
    .execute();
  // What a worker may claim: a walk over the few tasks that are under way, then the oldest that waits.
  await sql`create index tasks_open on tasks (lane, id) where finished_at_ms is null`.execute(db);
  await index(db, 'tasks', ['state', 'id']);
  await index(db, 'tasks', ['deployment', 'id']);
  await index(db, 'tasks', ['type', 'id']);

  await db.schema
    .createTable('task_teams')
    .addColumn('task_id', number, (c) => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('team', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('task_teams_key', ['task_id', 'team'])
    .execute();

  await db.schema
    .createTable('task_output')
    .addColumn('task_id', number, (c) => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('stream', 'text', (c) => c.notNull())
    .addColumn('position', number, (c) => c.notNull())
    .addColumn('bytes', types.bytes, (c) => c.notNull())
    .addPrimaryKeyConstraint('task_output_key', ['task_id', 'stream', 'position'])
    .execute();

  await db.schema
    .createTable('locks')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('task_id', number, (c) => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('until_ms', number, (c) => c.notNull())
    .execute();
  await index(db, 'locks', ['task_id']);

  await numbered(db, 'events', types)
    .addColumn('parent_id', number)
    .addColumn('at_ms', number, (c) => c.notNull())
    .addColumn('username', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('object_type', 'text', (c) => c.notNull())
    .addColumn('object_name', 'text')
    .addColumn('error', 'text')
    .addColumn('task', 'text')
    .addColumn('deployment', 'text')
    .addColumn('instance', 'text')
    .addColumn('context', 'text', (c) => c.notNull())
    .execute();
  for (const column of ['at_ms', 'task', 'deployment', 'instance', 'object_name']) {
    await index(db, 'events', [column, 'id']);
  }
}

async function releases(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const { number } = types;
  await numbered(db, 'releases', types)
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .execute();

  await numbered(db, 'release_versions', types)
    .addColumn('release_id', number, (c) => c.notNull().references('releases.id'))
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('commit_hash', 'text', (c) => c.notNull())
    .addColumn('uncommitted_changes', 'integer', (c) => c.notNull())
    .addColumn('complete', 'integer', (c) => c.notNull())
    .addUniqueConstraint('release_versions_once', ['release_id', 'version'])
    .execute();

  await numbered(db, 'release_jobs', types)
    .addColumn('release_id', number, (c) => c.notNull().references('releases.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('blob_id', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('packages', 'text', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addUniqueConstraint('release_jobs_once', ['release_id', 'name', 'fingerprint'])
    .execute();
  await index(db, 'release_jobs', ['name']);
  await index(db, 'release_jobs', ['blob_id']);

  await numbered(db, 'packages', types)
    .addColumn('release_id', number, (c) => c.notNull().references('releases.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('blob_id', 'text')
    .addColumn('digest', 'text')
    .addColumn('dependencies', 'text', (c) => c.notNull())
    .addUniqueConstraint('packages_once', ['release_id', 'name', 'fingerprint'])
    .execute();
  await index(db, 'packages', ['fingerprint']);
  await index(db, 'packages', ['blob_id']);

  for (const [table, column, target] of [
    ['release_version_jobs', 'job_id', 'release_jobs.id'],
    ['release_version_packages', 'package_id', 'packages.id'],
  ] as const) {
    await db.schema
      .createTable(table)
      .addColumn('release_version_id', number, (c) => c.notNull().references('release_versions.id').onDelete('cascade'))
      .addColumn(column, number, (c) => c.notNull().references(target))
      .addPrimaryKeyConstraint(`${table}_key`, ['release_version_id', column])
      .execute();
    await index(db, table, [column]);
  }

  await numbered(db, 'compiled_packages', types)
    .addColumn('package_id', number, (c) => c.notNull().references('packages.id').onDelete('cascade'))
    .addColumn('stemcell_os', 'text', (c) => c.notNull())
    .addColumn('stemcell_version', 'text', (c) => c.notNull())
    .addColumn('dependency_key', 'text', (c) => c.notNull())
    .addColumn('dependency_key_sha256', 'text', (c) => c.notNull())
    .addColumn('build', 'integer', (c) => c.notNull())
    .addColumn('blob_id', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addUniqueConstraint('compiled_packages_once', [
      'package_id',
      'stemcell_os',
      'stemcell_version',
      'dependency_key_sha256',
    ])
    .addUniqueConstraint('compiled_packages_build', ['package_id', 'stemcell_os', 'stemcell_version', 'build'])
    .execute();
  await index(db, 'compiled_packages', ['blob_id']);

  await numbered(db, 'stemcells', types)
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('operating_system', 'text', (c) => c.notNull())
    .addColumn('cid', 'text', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addColumn('api_version', 'integer')
    .addColumn('digest', 'text')
    .addUniqueConstraint('stemcells_once', ['name', 'version', 'cpi'])
    .execute();
  await index(db, 'stemcells', ['operating_system']);

  await db.schema
    .createTable('stemcell_uploads')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('stemcell_uploads_key', ['name', 'version', 'cpi'])
    .execute();
}

async function deployments(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const { number } = types;
  await numbered(db, 'configs', types)
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('content', 'text', (c) => c.notNull())
    .addColumn('team', 'text')
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .addColumn('deleted', 'integer', (c) => c.notNull())
    .execute();
  await index(db, 'configs', ['type', 'name', 'deleted', 'id']);

  await numbered(db, 'deployments', types)
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('manifest', 'text')
    .addColumn('teams', 'text', (c) => c.notNull())
    .addColumn('cloud_config_ids', 'text', (c) => c.notNull())
    .addColumn('runtime_config_ids', 'text', (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();

  for (const table of ['deployment_releases', 'deployment_stemcells']) {
    await db.schema
      .createTable(table)
      .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('version', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_key`, ['deployment', 'name', 'version'])
      .execute();
    await index(db, table, ['name', 'version']);
  }
}

async function instances(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const { number } = types;
  // Deleting a row that another one refers to fails, on purpose: no VM, disk or address may be forgotten by the way.
  await numbered(db, 'instances', types, 'number')
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name'))
    .addColumn('group_name', 'text', (c) => c.notNull())
    .addColumn('group_index', 'integer', (c) => c.notNull())
    .addColumn('az', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('bootstrap', 'integer', (c) => c.notNull())
    .addColumn('ignored', 'integer', (c) => c.notNull())
    .addColumn('compilation', 'integer', (c) => c.notNull())
    .addColumn('update_completed', 'integer', (c) => c.notNull())
    .addColumn('spec', 'text')
    .execute();
  await index(db, 'instances', ['deployment', 'number']);

  await db.schema
    .createTable('vms')
    .addColumn('agent_id', 'text', (c) => c.primaryKey())
    .addColumn('cid', 'text')
    .addColumn('instance_id', 'text', (c) => c.notNull().references('instances.id'))
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('active', 'integer', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addColumn('stemcell', 'text', (c) => c.notNull())
    .addColumn('cloud_properties', 'text', (c) => c.notNull())
    .addColumn('networks', 'text', (c) => c.notNull())
    .addColumn('env', 'text', (c) => c.notNull())
    .addColumn('permanent_credentials', 'integer', (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .addColumn('problem', 'text')
    .execute();
  await index(db, 'vms', ['instance_id']);
  await index(db, 'vms', ['cid']);

  await db.schema
    .createTable('disks')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('cid', 'text')
    .addColumn('instance_id', 'text', (c) => c.notNull().references('instances.id'))
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('active', 'integer', (c) => c.notNull())
    .addColumn('size_mib', number, (c) => c.notNull())
    .addColumn('cloud_properties', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .execute();
  await index(db, 'disks', ['instance_id']);

  await db.schema
    .createTable('orphaned_disks')
    .addColumn('cid', 'text', (c) => c.primaryKey())
    .addColumn('key', 'text', (c) => c.notNull().unique())
    .addColumn('size_mib', number, (c) => c.notNull())
    .addColumn('az', 'text')
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('instance', 'text', (c) => c.notNull())
    .addColumn('cloud_properties', 'text', (c) => c.notNull())
    .addColumn('cpi', 'text', (c) => c.notNull())
    .addColumn('orphaned_at_ms', number, (c) => c.notNull())
    .execute();

  await db.schema
    .createTable('ip_addresses')
    .addColumn('address', 'text', (c) => c.primaryKey())
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('static', 'integer', (c) => c.notNull())
    .addColumn('instance_id', 'text', (c) => c.notNull().references('instances.id'))
    .addColumn('task_id', number)
    .execute();
  await index(db, 'ip_addresses', ['instance_id']);
}

async function index(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns(columns)
    .execute();
}
