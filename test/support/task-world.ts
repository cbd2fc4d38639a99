import { VirtualClock } from '../../common/clock.ts';
import { type TaskId, taskId } from '../../common/ids.ts';
import { silentLog } from '../../common/log.ts';
import { openStore } from '../../director/store/open-store.ts';
import type { Store } from '../../director/store/store.ts';
import type { NewTask, OutputStream, Task } from '../../director/store/tasks.ts';
import { TaskEngine, type EngineOptions } from '../../director/tasks/engine.ts';
import type { TaskHandler } from '../../director/tasks/task-context.ts';
import { embeddedWaker } from '../../director/tasks/waker.ts';

/** A store in memory, and as many engines on it as there are directors in the story. */
export async function taskWorld(handlers: Record<string, TaskHandler>) {
  const clock = new VirtualClock();
  const store = await openStore({ kind: 'sqlite', path: ':memory:' }, { clock, log: silentLog });
  const engines: TaskEngine[] = [];
  return {
    clock,
    store,
    handlers,
    engine: (owner: string, options: Partial<EngineOptions> = {}, own: Store = store) => {
      const deps = { store: own, clock, log: silentLog, waker: embeddedWaker(), handlers };
      const engine = new TaskEngine(deps, { owner, alone: false, recordEvents: true, ...options });
      engines.push(engine);
      return engine;
    },
    /** Runs time forward until the engine has nothing left to do. */
    idle: (engine: TaskEngine) => clock.runUntil(engine.idle()),
    /** Runs time forward, a step at a time, until the task is in one of these states. */
    reaches: (id: TaskId, ...states: Task['state'][]) => clock.runUntil(untilState(clock, store, id, states)),
    task: async (id: TaskId) => (await store.tasks.get(id)) ?? fail(`no task ${id}`),
    output: async (id: TaskId, stream: OutputStream) =>
      (await store.tasks.output(id, stream, { from: 0, bytesMax: 1e9 }))?.bytes.toString() ?? '',
    close: async () => {
      await Promise.all(engines.map((engine) => clock.runUntil(engine.stop({ graceMs: 0 }))));
      await store.close();
    },
  };
}

async function untilState(clock: VirtualClock, store: Store, id: TaskId, states: Task['state'][]): Promise<Task> {
  for (;;) {
    const task = await store.tasks.get(id);
    if (task !== undefined && states.includes(task.state)) return task;
    await clock.sleep(10);
  }
}

function fail(message: string): never {
  throw new Error(message);
}

export const newTask = (type: string, more: Partial<NewTask> = {}): NewTask => ({
  type,
  description: `do ${type}`,
  lane: 'normal',
  args: null,
  user: 'admin',
  deployment: null,
  contextId: '',
  teams: [],
  ...more,
});

export const firstTask = taskId(1);

/** A promise and its ends, for handlers that wait for the story. */
export function gate<T = void>() {
  let open!: (value: T) => void; // set before the constructor returns
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}
