// Preloaded into a director that is measured (`node --import`). Asked by its parent, it tells what the main thread has
// computed at most between two looks at it since it was asked last: processor time, so what others had the core for
// does not count. It looks every few milliseconds; who holds the event loop for longer delays the next look.
import { openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const lookMs = 5;

if (isMainThread && process.send !== undefined) {
  const file = openSync('/proc/thread-self/schedstat', 'r');
  const buffer = Buffer.alloc(64);
  const computedMs = () => {
    const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
    return Number(text.split(' ')[0]) / 1e6; // proc(5): nanoseconds on a core come first
  };

  let last = computedMs();
  let most = 0;
  setInterval(() => {
    const now = computedMs();
    most = Math.max(most, now - last);
    last = now;
  }, lookMs).unref();
  process.on('message', () => {
    process.send?.(most);
    most = 0;
  });
  process.channel?.unref();
}
