/** Held by whoever deletes an orphaned disk or gives it to an instance: never both. */
export const diskLock = (cid: string) => `lock:disk:${cid}`;
export const diskLockWaitMs = 10_000;
