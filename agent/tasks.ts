import type { Chance } from '../common/chance.ts';
import { ActionFailed } from './errors.ts';
import type { AgentTask } from './protocol.ts';

/**
 * Long actions under way, and what became of the ended ones, until the director has asked for it by `get_task`.
 *
 * States: running -> done (a value) | failed (an error). An ended one is kept until `endedKeptMax` younger ones
 * have ended: the director may ask several times, when answers are lost.
 */
export class AgentTasks {
  readonly #chance: Chance;
  /** Made on first use: ten thousand simulated agents have none most of the time. Ended ones in the order of their ends. */
  #tasks: Map<string, Task> | undefined;
  #running = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get running(): number {
    return this.#running;
  }

  /** @throws ActionFailed `agent-busy` when too many are under way */
  start(run: (signal: AbortSignal) => Promise<unknown>): AgentTask {
    if (this.#running >= runningMax) {
      throw new ActionFailed(`${this.#running} tasks are running on this agent already`, { code: 'agent-busy' });
    }
    const id = this.#chance.uuid();
    const canceller = new AbortController();
    const task: Task = { state: 'running', canceller };
    this.#tasks ??= new Map();
    this.#tasks.set(id, task);
    this.#running++;
    const end = (ended: Task) => {
      this.#running--;
      this.#tasks?.delete(id); // set anew, it is the youngest: a long one must not go with its own end
      this.#tasks?.set(id, ended);
      this.#forgetOldest();
    };
    run(canceller.signal).then(
      (value) => end({ state: 'done', value }),
      (error: unknown) => end({ state: 'failed', error }),
    );
    return { agent_task_id: id, state: 'running' };
  }

  /** The task while it runs, then its bare value. @throws what the action threw */
  get(id: string): unknown {
    const task = this.#find(id);
    switch (task.state) {
      case 'running':
        return { agent_task_id: id, state: 'running' } satisfies AgentTask;
      case 'done':
        return task.value;
      case 'failed':
        throw task.error;
    }
  }

  /** Asks it to end. It may take its time, and an ended one stays as it is. */
  cancel(id: string): 'canceled' {
    const task = this.#find(id);
    if (task.state === 'running') {
      task.canceller.abort(new ActionFailed('canceled on request of the director', { code: 'action-canceled' }));
    }
    return 'canceled';
  }

  /** Ends all that run; for the agent's own end. */
  cancelAll(): void {
    for (const [id, task] of this.#tasks ?? []) if (task.state === 'running') this.cancel(id);
  }

  #find(id: string): Task {
    const task = this.#tasks?.get(id);
    if (task === undefined) {
      throw new ActionFailed(`Task with id ${id} could not be found`, { code: 'agent-task-unknown', details: { id } });
    }
    return task;
  }

  #forgetOldest(): void {
    if (this.#tasks === undefined) return;
    let surplus = this.#tasks.size - this.#running - endedKeptMax;
    for (const [id, task] of this.#tasks) {
      if (surplus <= 0) return;
      if (task.state === 'running') continue;
      this.#tasks.delete(id);
      surplus--;
    }
  }
}

type Task =
  | { state: 'running'; canceller: AbortController }
  | { state: 'done'; value: unknown }
  | { state: 'failed'; error: unknown };

/** A director has a handful under way per instance; more means that something asks in a loop. */
const runningMax = 50;
const endedKeptMax = 100;
