import type { Response } from 'express';
import type { DeploymentName } from '../../common/ids.ts';
import type { Lane, Task } from '../store/tasks.ts';
import type { TaskQueue } from './deps.ts';
import { contextIdOfRequest, userOf } from './http/request.ts';

/** A task as a route knows it; who asked comes with the request. */
export interface Wanted {
  type: string;
  description: string;
  args: unknown;
  /** Default: normal. */
  lane?: Lane;
  deployment?: { name: DeploymentName; teams: readonly string[] };
}

/** Enqueues in the name of the request's user. */
export function enqueueFor(res: Response, tasks: TaskQueue, wanted: Wanted): Promise<Task> {
  const { type, description, args, lane = 'normal', deployment } = wanted;
  return tasks.enqueue({
    type,
    description,
    args,
    lane,
    user: userOf(res).name,
    deployment: deployment?.name ?? null,
    contextId: contextIdOfRequest(res),
    teams: [...(deployment?.teams ?? [])],
  });
}
