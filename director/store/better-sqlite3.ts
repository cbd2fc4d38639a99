import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';

/**
 * better-sqlite3 in the version that this Node can run; package.json has both. 13 needs Node 22 (and brings its binary
 * along). 12, built where Node is 24.19 or newer, aborts the process when a statement is collected: nodejs/node#65446.
 */
export const betterSqlite3 =
  Number.parseInt(process.versions.node, 10) < 22 ? 'better-sqlite3-node20' : 'better-sqlite3';

// What we use of them is the same in both
export const Sqlite = createRequire(import.meta.url)(betterSqlite3) as typeof BetterSqlite3;
