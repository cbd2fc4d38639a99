/** Cloud, runtime, CPI and other configs: each update is a new row, the newest that is not deleted counts. */
export interface Config {
  id: number;
  type: string;
  name: string;
  content: string;
  team: string | null;
  createdAtMs: number;
  deleted: boolean;
  /** The newest of its type and name. */
  current: boolean;
}

export interface ConfigFilter {
  type?: string;
  name?: string;
  /** Per type and name, newest first; 1 when not given. Infinity: all. */
  limit?: number;
}

export interface Configs {
  get(id: number): Promise<Config | undefined>;
  getAll(ids: readonly number[]): Promise<Config[]>;
  /** Without deleted ones. By type, then name with `default` first, then newest first. */
  list(filter: ConfigFilter): Promise<Config[]>;
  latest(type: string, name: string): Promise<Config | undefined>;
  /** The current config of each name of a type, `default` first. `teams`: those of no team, and of these. */
  currentOf(type: string, teams: readonly string[] | 'all'): Promise<Config[]>;
  create(config: { type: string; name: string; content: string; team: string | null }, nowMs: number): Promise<Config>;
  /** All versions of it, or one. Returns how many were marked. */
  delete(which: { id: number } | { type: string; name: string }): Promise<number>;
}
