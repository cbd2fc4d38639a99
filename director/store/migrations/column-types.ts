import { type ColumnDefinitionBuilder, type Expression, sql } from 'kysely';

/** The three types that SQLite and PostgreSQL name differently. */
export interface ColumnTypes {
  /** 64 bits: ids, times, sizes. */
  number: Expression<unknown>;
  bytes: Expression<unknown>;
  /** Makes a number column the primary key, counting from 1 and never giving a value twice. */
  counted: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
}

export const columnTypes: Record<'sqlite' | 'postgres', ColumnTypes> = {
  sqlite: {
    number: sql`integer`,
    bytes: sql`blob`,
    counted: (column) => column.primaryKey().autoIncrement(),
  },
  postgres: {
    number: sql`bigint`,
    bytes: sql`bytea`,
    counted: (column) => column.primaryKey().generatedAlwaysAsIdentity(),
  },
};
