import type { TaskContext } from '../tasks/task-context.ts';

/** What a task must have when it does what no fence in the database can keep it from. */
type Holder = Pick<TaskContext, 'holds'>;

/**
 * A CPI or agents, as a task may call them. A process that stood still for a minute (a suspended VM, a full swap) wakes
 * in the middle of a task that somebody else has taken over meanwhile. Its writes are fenced; here its calls are. A CPI
 * whose calls wait for a turn asks again when that comes: `beforeCall` of its scope.
 */
export function whileHeld<T extends object>(called: T, task: Holder): T {
  return new Proxy(called, {
    get: (target, key) => {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        await task.holds();
        return Reflect.apply(method, target, args) as unknown; // all of them return promises
      };
    },
  });
}
