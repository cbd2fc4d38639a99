import type { Kysely } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

/** The numbers of short DNS names, what machines are told of each other's names, and who was told. */
export async function dns(db: Kysely<unknown>, { number, counted }: ColumnTypes): Promise<void> {
  for (const table of ['dns_azs', 'dns_networks']) {
    await db.schema
      .createTable(table)
      .addColumn('id', number, counted)
      .addColumn('name', 'text', (c) => c.notNull().unique())
      .execute();
  }
  await db.schema
    .createTable('dns_groups')
    .addColumn('id', number, counted)
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addUniqueConstraint('dns_groups_key', ['type', 'name', 'deployment'])
    .execute();

  await db.schema
    .createTable('dns_records')
    .addColumn('instance_id', 'text', (c) => c.notNull().references('instances.id').onDelete('cascade'))
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('instance_group', 'text', (c) => c.notNull())
    .addColumn('az', 'text')
    .addColumn('ip', 'text', (c) => c.notNull())
    .addColumn('domain', 'text', (c) => c.notNull())
    .addColumn('agent_id', 'text')
    .addColumn('links', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('dns_records_key', ['instance_id', 'network'])
    .execute();
  await db.schema.createIndex('dns_records_by_deployment').on('dns_records').column('deployment').execute();

  await db.schema
    .createTable('dns_aliases')
    .addColumn('deployment', 'text', (c) => c.notNull().references('deployments.name').onDelete('cascade'))
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('domain', 'text', (c) => c.notNull())
    .addColumn('group_id', number, (c) => c.notNull())
    .addColumn('health_filter', 'text')
    .addColumn('initial_health_check', 'text')
    .addColumn('placeholder_type', 'text')
    .addPrimaryKeyConstraint('dns_aliases_key', ['deployment', 'position'])
    .execute();

  await db.schema
    .createTable('dns_changes')
    .addColumn('count', number, (c) => c.notNull())
    .execute();
  await db.withTables<{ dns_changes: { count: number } }>().insertInto('dns_changes').values({ count: 0 }).execute();

  await db.schema
    .createTable('dns_blobs')
    .addColumn('version', number, counted)
    .addColumn('blob_id', 'text')
    .addColumn('digest', 'text')
    .addColumn('changes', number, (c) => c.notNull())
    .addColumn('created_at_ms', number, (c) => c.notNull())
    .execute();

  await db.schema
    .createTable('dns_agent_versions')
    .addColumn('agent_id', 'text', (c) => c.primaryKey())
    .addColumn('version', number, (c) => c.notNull())
    .execute();
}
