/** What changed in the world, by whom and when: BOSH's events. Not the event stream of a task. */
export interface DirectorEvent {
  id: number;
  parentId: number | null;
  atMs: number;
  user: string;
  action: string;
  objectType: string;
  objectName: string | null;
  error: string | null;
  task: string | null;
  deployment: string | null;
  instance: string | null;
  context: Record<string, unknown>;
}

export interface EventFilter {
  beforeId?: number;
  beforeMs?: number;
  /** Exclusive. */
  afterMs?: number;
  task?: string;
  deployment?: string;
  instance?: string;
  user?: string;
  action?: string;
  objectType?: string;
  objectName?: string;
}

/** Most events that one listing returns, as in BOSH. */
export const eventsListMax = 200;

export interface Events {
  add(event: Omit<DirectorEvent, 'id'>): Promise<number>;
  get(id: number): Promise<DirectorEvent | undefined>;
  /** Newest first, at most `eventsListMax`. */
  list(filter: EventFilter): Promise<DirectorEvent[]>;
  /** Keeps the newest `keep`; deletes the others in portions, between which an abort ends it. Returns how many. */
  prune(keep: number, signal?: AbortSignal): Promise<number>;
}
