import type { ProgressEvent } from '../../director/api/contract/tasks.ts';

/**
 * Invariant 6, by a task's event stream: never more than `maxInFlight` at a time, no other before all canaries are
 * done, and none at all after one has failed. A task that was begun anew after a kill is looked at by itself.
 */
export function waveViolations(events: string, maxInFlight: number): string[] {
  const found: string[] = [];
  let running = new Set<string>();
  let canariesRunning = 0;
  let failed = false;
  for (const line of events.split('\n')) {
    const event = line === '' ? undefined : (JSON.parse(line) as Partial<ProgressEvent>); // our own stream
    if (event?.stage === 'Preparing deployment' && event.task === event.stage && event.state === 'started') {
      [running, canariesRunning, failed] = [new Set(), 0, false];
    }
    if (event?.stage !== 'Updating instance' || event.task === undefined) continue;
    const { task, state } = event;
    const canary = task.includes('(canary)');
    if (state === 'started') {
      if (canariesRunning > 0 && !canary) found.push(`invariant 6: ${task} began while a canary was under way`);
      if (failed) found.push(`invariant 6: ${task} began after another had failed`);
      running.add(task);
      if (canary) canariesRunning++;
      if (running.size > maxInFlight) found.push(`invariant 6: ${running.size} in flight, allowed are ${maxInFlight}`);
    } else if (state === 'finished' || state === 'failed') {
      if (running.delete(task) && canary) canariesRunning--;
      if (state === 'failed') failed = true;
    }
  }
  return found;
}
