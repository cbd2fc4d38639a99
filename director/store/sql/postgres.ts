import { type Dialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../../../common/log.ts';

export interface PostgresOptions {
  host: string;
  port: number;
  database: string;
  user: string;
  password?: string;
  /** Tables live here, so that two directors can share a database. Made when it is missing. */
  schema?: string;
  /** PEM. Given: the server must have a certificate of this CA, with this host's name. */
  caCertificate?: string;
  connectionsMax?: number;
}

/** Ten workers, the API and the health monitor; PostgreSQL's own default allows 100 in all. */
const connectionsMaxDefault = 20;
const connectWaitMs = 30_000;
/** No statement of ours takes long; one that does holds a connection, and maybe a lock, that others need. */
const statementMaxMs = 60_000;

const int8 = 20;

export function postgresDialect(options: PostgresOptions, log: Log): Dialect {
  return new PostgresDialect({
    pool: () => {
      const pool = new pg.Pool({
        host: options.host,
        port: options.port,
        database: options.database,
        user: options.user,
        ...(options.password === undefined ? {} : { password: options.password }),
        ...(options.caCertificate === undefined ? {} : { ssl: { ca: options.caCertificate } }),
        ...(options.schema === undefined ? {} : { options: `-c search_path=${options.schema}` }),
        max: options.connectionsMax ?? connectionsMaxDefault,
        connectionTimeoutMillis: connectWaitMs,
        statement_timeout: statementMaxMs,
        idle_in_transaction_session_timeout: statementMaxMs,
        application_name: 'gantry-director',
        types: { getTypeParser },
      });
      // The pool drops a connection that broke and opens another when one is needed; its user, if any, gets an error.
      // But a client that is in a transaction and waits for no answer tells only its listeners, and dies without one.
      const lost = (error: Error) => log.warn('database-connection-lost', { error: error.message });
      pool.on('error', lost);
      pool.on('connect', (client) => client.on('error', lost));
      return Promise.resolve(pool);
    },
  });
}

// pg gives int8 as text, since it may not fit a number; ids, times and sizes all fit.
const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === int8 && format !== 'binary'
    ? Number
    : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser; // it is overloaded by format
