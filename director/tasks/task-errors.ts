import { OperatorError } from '../../common/errors.ts';
import type { Lock } from '../store/locks.ts';
import type { Task } from '../store/tasks.ts';

/** Someone asked for the task's end. The reason of its signal, and what `checkpoint` throws. */
export class TaskCancelled extends OperatorError {
  constructor(task: Task['id']) {
    super(`Task ${task} cancelled`, { code: 'task-cancelled', details: { task } });
  }
}

/** The director goes down in order: the task is given back and goes on with the next one. */
export class DirectorStopping extends OperatorError {
  constructor() {
    super('the director is stopping', { code: 'director-stopping', retryable: true });
  }
}

export function taskGaveUp(task: Task, attemptsMax: number): OperatorError {
  const times = attemptsMax === 1 ? 'once' : `${attemptsMax} times`;
  return new OperatorError(
    `task ${task.id} (${task.description}) was begun ${times}, and its worker died or lost touch with the database each time`,
    {
      code: 'task-gave-up',
      hint:
        `See the end of its debug output for what it did last (bosh task ${task.id} --debug) and the director's log for why ` +
        'the director died, then run the command again: it goes on from where things are.',
      details: { task: task.id, attemptsMax },
    },
  );
}

export function taskTypeUnknown(task: Task): OperatorError {
  return new OperatorError(`this director doesn't know how to run a task of type ${task.type}`, {
    code: 'task-type-unknown',
    hint: 'It was queued by another version of the director. Run the command again.',
    details: { task: task.id, type: task.type },
  });
}

export function lockTimeout(
  lock: string,
  at: { task: Task['id']; waitedMs: number; holder: Lock | undefined; holding: Task | undefined },
): OperatorError {
  const { task, waitedMs, holder, holding } = at;
  const by =
    holder === undefined
      ? 'which others took in turns'
      : `held by task ${holder.taskId}${holding === undefined ? '' : ` (${holding.description})`}`;
  return new OperatorError(`task ${task} waited ${waitedMs / 1000} s for ${lock}, ${by}`, {
    code: 'lock-timeout',
    retryable: true,
    hint:
      holder === undefined
        ? 'Run the command again.'
        : `Wait for task ${holder.taskId} (bosh task ${holder.taskId}) or cancel it (bosh cancel-task ${holder.taskId}), then run the command again.`,
    details: { lock, task, waitedMs, heldBy: holder?.taskId ?? null },
  });
}

export function outputOverflow(task: Task['id'], stream: string, bytesMax: number): OperatorError {
  return new OperatorError(`task ${task} writes its ${stream} output faster than the database takes it`, {
    code: 'task-output-overflow',
    hint: `More than ${bytesMax} bytes of it wait to be written. Check the disk of the database, then run the command again.`,
    details: { task, stream, bytesMax },
  });
}
