import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../../common/errors.ts';
import { runProcess } from './process-main.ts';
import { makeSeed, sprout } from './seed.ts';
import type { SealedRuby } from './vm.ts';
import { PROGRESS, type FromWorker, type Seed, type ToWorker, type WorkerTask } from './worker-protocol.ts';

/** What runs in the process of the sandbox and, started by it, in a thread: makes the seed and ends, or serves jobs until it is terminated. */
const tell = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

if (isMainThread) runProcess(new URL(import.meta.url));
else await runThread(workerData as WorkerTask); // its only starter gives it that

async function runThread(task: WorkerTask): Promise<void> {
  if (task.kind === 'seed') tell({ seed: await makeSeed(task.task) });
  else serve(task.seed, new Int32Array(task.progress));
}

function serve(seed: Seed, progress: Int32Array): void {
  let ruby: SealedRuby | undefined;
  const outlets = {
    answer: (bytes: Uint8Array<ArrayBuffer>) => tell(bytes, [bytes.buffer]),
    progress: (bytes: Uint8Array<ArrayBuffer>) => record(progress, Buffer.from(bytes).toString('latin1')),
  };
  const handle = async (message: ToWorker) => {
    if (message === 'begin') {
      ruby = undefined; // garbage before the next one exists: each holds some 50 MB, of which V8 takes no notice
      globalThis.gc?.();
    }
    ruby ??= await sprout(seed, outlets);
    if (message === 'begin') return;
    ruby.serve(Uint8Array.from(message));
    tell('served');
  };
  // One after the other, though making a VM takes a turn of the event loop.
  let last = Promise.resolve();
  parentPort?.on('message', (message: ToWorker) => {
    last = last.then(() => handle(message)).catch((error: unknown) => tell({ broken: messageOf(error) }));
  });
  tell('ready');
}

/** Read by the other side while this thread is inside Ruby. Ruby's own cries of distress come the same way. */
function record(progress: Int32Array, line: string): void {
  const [, instance, source] = /^(\d+) (\d+)\n$/.exec(line) ?? [];
  if (instance === undefined || source === undefined) return;
  Atomics.store(progress, PROGRESS.instance, Number(instance));
  Atomics.store(progress, PROGRESS.source, Number(source));
  Atomics.add(progress, PROGRESS.rendersBegun, 1);
}
