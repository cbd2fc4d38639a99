import { paths, type OutputType } from '../director/api/contract/paths.ts';
import type { Task, TaskState } from '../director/api/contract/tasks.ts';
import type { Clock } from '../common/clock.ts';
import { type Call, type DirectorClient, Refused } from './director-client.ts';
import { CliError, describeError, during } from './failure.ts';
import type { TaskReporter } from './ui/task-reporter.ts';

export interface FollowOptions {
  readonly client: DirectorClient;
  readonly reporter: TaskReporter;
  readonly clock: Clock;
  /** Told of each task that is followed; what it gives is called when that is over. */
  readonly following?: (id: number) => () => void;
}

const pollMs = 500;
const unfinished: readonly TaskState[] = ['queued', 'processing', 'cancelling'];

/** Makes a call that starts a task, and follows the task to its end. */
export async function runTask(call: Call, options: FollowOptions): Promise<Task> {
  const task = await options.client.json<Task>(call);
  if (typeof task.id !== 'number') throw new CliError(`The director answered with no task: '${JSON.stringify(task)}'`);
  return followTask(task.id, 'event', options);
}

/**
 * Reports a task's output until it has ended; there is no limit on how long a task may take.
 * @throws CliError unless it ended well
 */
export async function followTask(
  id: number,
  type: OutputType,
  { client, reporter, clock, following }: FollowOptions,
): Promise<Task> {
  const over = following?.(id);
  reporter.started(id);
  let state = '';
  let offset = 0;
  // Ranges are of bytes, and may end within a character.
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const task = await during('Getting task state', client.get<Task>(paths.task(id)));
      ({ state } = task);
      // The output is read after the state: it is complete once the task has ended.
      const chunk = await during('Getting task output', outputFrom(client, id, type, offset));
      offset += chunk.length;
      if (chunk.length > 0) reporter.output(id, decoder.decode(chunk, { stream: true }));
      if (!unfinished.includes(task.state)) {
        if (task.state === 'done') return task;
        throw new CliError(`Expected task '${id}' to succeed but state is '${task.state}'`);
      }
      reporter.stillRuns?.(id, state, task.started_at);
      await clock.sleep(pollMs);
    }
  } catch (error) {
    throw unfinished.includes(state as TaskState) ? new LostSight(id, error) : error; // it came from the director
  } finally {
    over?.();
    reporter.finished(id, state);
  }
}

/** The task outlives its director, let alone whoever looks at it. */
class LostSight extends CliError {
  constructor(id: number, cause: unknown) {
    super(`${describeError(cause)}\n${goesOn(id)}`);
  }
}

export function goesOn(id: number): string {
  return `Task ${id} goes on, also when its director is started anew: \`gantry task ${id}\` follows it.`;
}

export async function taskOutput(client: DirectorClient, id: number, type: OutputType): Promise<string> {
  return (await client.call({ method: 'GET', path: paths.taskOutput(id, type) })).text;
}

async function outputFrom(client: DirectorClient, id: number, type: OutputType, offset: number): Promise<Buffer> {
  const answer = await client.attempt({
    method: 'GET',
    path: paths.taskOutput(id, type),
    headers: { range: `bytes=${offset}-` },
  });
  if (answer.status === 416 || answer.status === 204) return Buffer.alloc(0); // nothing new, or nothing at all
  if (answer.status !== 200 && answer.status !== 206) throw new Refused(answer);
  return answer.bytes;
}
