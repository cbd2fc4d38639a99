import { createHash } from 'node:crypto';
import type { RenderedFile, RenderedJob } from './renderer.ts';

/**
 * Tells whether what was rendered for an instance is what runs there. SHA-1 over exactly these bytes in this order:
 * a director that takes over the database of another must see the same values.
 */
export function configurationHash(jobs: readonly RenderedJob[]): string {
  const hash = createHash('sha1');
  for (const job of [...jobs].sort((a, b) => compareBytes(a.name, b.name))) {
    hash.update(job.monit).update(job.name);
    for (const file of bySource(job.files)) hash.update(file.content).update(file.destination);
  }
  return hash.digest('hex');
}

/** The same for each job alone; the agent compares these. */
export function templateHashes(jobs: readonly RenderedJob[]): Record<string, string> {
  return Object.fromEntries(jobs.map((job) => [job.name, templateHash(job)]));
}

function templateHash(job: RenderedJob): string {
  const hash = createHash('sha1').update(job.monit);
  for (const file of bySource(job.files)) hash.update(file.content);
  return hash.digest('hex');
}

function bySource(files: readonly RenderedFile[]): RenderedFile[] {
  return [...files].sort((a, b) => compareBytes(a.source, b.source));
}

/** Ruby compares strings by their bytes, JavaScript by UTF-16 units. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
