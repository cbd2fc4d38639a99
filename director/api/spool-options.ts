import type { ApiDeps } from './deps.ts';
import type { SpoolOptions } from './http/spool.ts';

export function spoolOf({ spoolDir, chance, limits }: Pick<ApiDeps, 'spoolDir' | 'chance' | 'limits'>): SpoolOptions {
  return { dir: spoolDir, bytesMax: limits.uploadBytesMax, freeBytesMin: limits.freeBytesMin, chance };
}
