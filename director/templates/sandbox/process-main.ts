import { writeFileSync } from 'node:fs';
import { messageOf } from '../../../common/errors.ts';
import type { Progress } from '../lane.ts';
import type { FromProcess, ToProcess } from './process-protocol.ts';
import { seedInThread, ThreadLane } from './thread-lane.ts';
import type { Seed } from './worker-protocol.ts';

/** How old may be what the director knows. A message for each instance would cost it more than rendering costs here. */
const tellEveryMs = 25;
/** Of answers that are kept together until then. */
const keptBytesMax = 256 * 1024;

/**
 * The main thread of the process that renders (ruby-process.ts is its other end). It hands messages on between the
 * director and the threads, and never waits for one, so that it can end them, and itself, at any time.
 */
export function runProcess(program: URL): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL')); // the director has ended
  preferAsVictim();
  const lanes = new Map<number, Served>();
  let seed: Seed | undefined;
  const handle = async (message: ToProcess) => {
    if ('seed' in message) {
      seed = await seedInThread(program, message.seed);
      return tell({ seeded: true, booted: seed.booted });
    }
    const { lane: number } = message;
    if ('request' in message) return lanes.get(number)?.lane.send(message.request);
    if (message.act === 'begin') return lanes.get(number)?.lane.begin();
    if (message.act === 'stop') {
      await lanes.get(number)?.stop();
      lanes.delete(number);
      return tell({ lane: number, stopped: true });
    }
    if (seed === undefined) throw new Error('a lane before the seed');
    lanes.set(number, new Served(number, await ThreadLane.start(program, seed)));
    tell({ lane: number, ready: true });
  };
  process.on('message', (message: ToProcess) => {
    handle(message).catch((thrown: unknown) => {
      tell({ ...('lane' in message ? { lane: message.lane } : {}), lost: messageOf(thrown) });
    });
  });
}

/** A lane, and what it says to the director. */
class Served {
  readonly lane: ThreadLane;
  readonly #number: number;
  readonly #timer: NodeJS.Timeout;
  #told: Progress;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;

  constructor(number: number, lane: ThreadLane) {
    this.#number = number;
    this.lane = lane;
    this.#told = lane.progress();
    this.#timer = setInterval(() => this.#tell(), tellEveryMs);
    lane.listener = {
      answer: (bytes) => this.#keep(bytes),
      served: () => this.#tell(),
      lost: ({ message }) => {
        this.#tell(); // what is rendered, and which template it was
        tell({ lane: number, lost: message });
      },
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.lane.stop();
  }

  #keep(bytes: Uint8Array): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes >= keptBytesMax) this.#tell();
  }

  /** Progress first: after its last answer the director begins the next job, and would take it for that one's. */
  #tell(): void {
    this.#tellProgress();
    if (this.#kept.length > 0) tell({ lane: this.#number, answer: Buffer.concat(this.#kept) });
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #tellProgress(): void {
    const progress = this.lane.progress();
    const { rendersBegun, source } = this.#told;
    if (progress.rendersBegun === rendersBegun && progress.source === source) return;
    this.#told = progress;
    tell({ lane: this.#number, progress });
  }
}

function tell(message: FromProcess): void {
  process.send?.(message, undefined, undefined, () => {}); // a director that is gone is noticed by its channel
}

/** When the machine's memory is at its end, the kernel had better take Ruby than the director. */
function preferAsVictim(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // another system than Linux
  }
}
