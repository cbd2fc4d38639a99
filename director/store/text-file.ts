import type BetterSqlite3 from 'better-sqlite3';
import { Sqlite } from './better-sqlite3.ts';

/**
 * Texts by key in a file of its own, for what is not the director's state. Written at once and whole, but never waited
 * for: a killed process loses nothing, a power cut may lose the last of it.
 */
export class TextFile {
  readonly #db: BetterSqlite3.Database;
  readonly #get: BetterSqlite3.Statement<[string], { text: string }>;
  readonly #put: BetterSqlite3.Statement<[string, string]>;
  readonly #delete: BetterSqlite3.Statement<[string]>;

  constructor(path: string) {
    this.#db = new Sqlite(path);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = NORMAL'); // OFF would let a power cut damage the file
    this.#db.exec('create table if not exists texts (key text primary key, text text not null) without rowid');
    this.#get = this.#db.prepare('select text from texts where key = ?');
    this.#put = this.#db.prepare('insert or replace into texts (key, text) values (?, ?)');
    this.#delete = this.#db.prepare('delete from texts where key = ?');
  }

  get(key: string): string | undefined {
    return this.#get.get(key)?.text;
  }

  put(key: string, text: string): void {
    this.#put.run(key, text);
  }

  delete(key: string): void {
    this.#delete.run(key);
  }

  close(): void {
    this.#db.close();
  }
}
