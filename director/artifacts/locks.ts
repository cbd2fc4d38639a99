/** How long tasks about a release wait for another one. As BOSH. */
export const releaseLockWaitMs = 10_000;
export const releaseLock = (name: string) => `lock:release:${name}`;

export const stemcellLock = (name: string, version: string) => `lock:stemcells:${name}:${version}`;
