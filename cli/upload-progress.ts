import { Transform, pipeline, type Readable } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { decimalBytes, duration } from './ui/format.ts';
import { bar, frameMs, spinnerAt } from './ui/live-region.ts';
import type { Ui } from './ui/ui.ts';

/** The same bytes; how many have gone, how fast, and for how long still, is shown while they go. */
export function showingProgress(
  open: () => Readable,
  { ui, clock, label, bytes }: { ui: Ui; clock: Clock; label: string; bytes: number },
): () => Readable {
  if (!ui.live) return open;
  return () => {
    const startMs = clock.now();
    let [sent, drawnMs] = [0, 0];
    const show = (nowMs: number) => {
      drawnMs = nowMs;
      const [rate, part] = [sent / Math.max(0.001, (nowMs - startMs) / 1000), bytes === 0 ? 1 : sent / bytes];
      const left = rate === 0 ? '' : `  ${duration((bytes - sent) / rate)} left`;
      const percent = `${String(Math.floor(part * 100)).padStart(3)}%`;
      const figures = `${decimalBytes(sent)} of ${decimalBytes(bytes)}  ${decimalBytes(Math.round(rate))}/s`;
      const spinner = spinnerAt(nowMs);
      const withBar = (width: number) => `${spinner} ${label}  ${bar(sent, bytes, width)} ${percent}`;
      const shorter = [
        `${withBar(10)}  ${figures}${left}`,
        `${withBar(10)}${left}`,
        `${spinner} ${percent}${left}  ${label}`,
      ];
      ui.status([{ text: `${withBar(20)}  ${figures}${left}`, shorter }]);
    };
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length;
        const nowMs = clock.now();
        if (nowMs - drawnMs >= frameMs) show(nowMs);
        done(null, chunk);
      },
      flush(done) {
        const sentText = `${spinnerAt(clock.now())} ${label} is sent`;
        ui.status([{ text: `${sentText}; the director takes it in`, shorter: [sentText] }]);
        done();
      },
    });
    // its error reaches whoever reads it
    return pipeline(open(), counted, (error) => {
      if (error) ui.status([]);
    });
  };
}
