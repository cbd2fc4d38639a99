import { Router, type Request, type Response } from 'express';
import { OperatorError } from '../../common/errors.ts';
import { taskId } from '../../common/ids.ts';
import { adminTeams, Unauthorized } from '../auth/permissions.ts';
import type { OutputStream, Task, TaskFilter, TaskState } from '../store/tasks.ts';
import { mediaTypes } from './contract/paths.ts';
import { TaskSelector, type Task as WireTask } from './contract/tasks.ts';
import type { ApiDeps } from './deps.ts';
import { plainText } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';
import { scopesOf } from './http/request.ts';
import { sendTaskOutput } from './task-output.ts';

/** What `bosh tasks` shows without `-a`: what changes something. */
const notableTypes = [
  'attach_disk',
  'create_snapshot',
  'delete_deployment',
  'delete_release',
  'delete_snapshot',
  'delete_stemcell',
  'run_errand',
  'snapshot_deployment',
  'update_instance',
  'update_deployment',
  'update_release',
  'update_stemcell',
  'export_release',
] as const;

const cancellable: readonly TaskState[] = ['queued', 'processing'];

/** `debug` and `cpi` may show more of a deployment than its readers may see. */
const outputLeave: Readonly<Record<string, 'admin' | 'read'>> = {
  debug: 'admin',
  cpi: 'admin',
  event: 'read',
  result: 'read',
  none: 'read',
};

/** Routes under /tasks, and DELETE /task/:id. */
export function taskRoutes({ store, tasks, permissions, requires }: ApiDeps): Router {
  const router = Router();
  const find = async (req: Request) => findTask(store.tasks.get.bind(store.tasks), pathText(req, 'id'));

  router.get('/tasks', requires('list_tasks'), async (req, res) => {
    const found = await store.tasks.list({ ...filterOf(req), ...teamsFor(res) });
    res.json(found.map(toWire));
  });

  const teamsFor = (res: Response): Pick<TaskFilter, 'teams'> => {
    const scopes = scopesOf(res);
    return permissions.allows('read', scopes) ? {} : { teams: adminTeams(scopes) };
  };

  router.get('/tasks/:id', requires('list_tasks'), async (req, res) => {
    const task = await find(req);
    permissions.requireOn(task, 'read', scopesOf(res), 'One of the following scopes is required to access this task');
    res.json(toWire(task));
  });

  router.get('/tasks/:id/output', async (req, res) => {
    const task = await find(req);
    const type = queryText(req, 'type') ?? 'debug';
    const leave = outputLeave[type];
    if (leave === undefined) throw new Unauthorized(`Unknown type ${type}`);
    permissions.requireOn(task, leave, scopesOf(res));
    if (type === 'none') res.status(204).end();
    else await sendTaskOutput(store.tasks, { id: task.id, stream: type as OutputStream }, req, res); // the table holds no other
  });

  router.post('/tasks/cancel', consumes(mediaTypes.json), requires('admin'), async (req, res) => {
    const { states, types, deployment } = await readJson(req, TaskSelector);
    const wrong = states?.find((state) => !cancellable.includes(state as TaskState));
    if (wrong !== undefined) {
      plainText(res, 400, `${wrong} is not one of the cancellable states: ${cancellable.join(', ')}`);
      return;
    }
    const wanted = await store.tasks.list({
      states: states?.length ? (states as TaskState[]) : ['queued'], // each was just looked up
      ...(types?.length ? { types } : {}),
      ...(deployment ? { deployment } : {}),
    });
    for (const task of wanted) await tasks.cancel(task.id);
    res.status(204).end();
  });

  // Singular: BOSH has it so, and the CLI sends it so.
  router.delete('/task/:id', requires('admin'), async (req, res) => {
    const task = await find(req);
    if (await tasks.cancel(task.id)) {
      res.status(204).end();
      return;
    }
    const { state } = await find(req);
    plainText(res, 400, `Cannot cancel task ${task.id}: invalid state (${state})`);
  });

  return router;
}

async function findTask(get: (id: Task['id']) => Promise<Task | undefined>, text: string): Promise<Task> {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  const task = number === undefined ? undefined : await get(taskId(number));
  if (task === undefined) throw new OperatorError(`Task ${text} not found`, { code: 'task-not-found' });
  return task;
}

function filterOf(req: Request): TaskFilter {
  const states = (queryText(req, 'state') ?? '').split(',').filter((state) => state !== '');
  const limit = queryText(req, 'limit');
  const deployment = queryText(req, 'deployment');
  const contextId = queryText(req, 'context_id');
  return {
    ...(states.length > 0 ? { states: states as TaskState[] } : {}), // an unknown state matches nothing, as in BOSH
    ...((queryText(req, 'verbose') ?? '1') === '1' ? { types: notableTypes } : {}),
    ...(limit === undefined ? {} : { limit: Math.max(1, Number.parseInt(limit, 10) || 1) }),
    ...(deployment === undefined ? {} : { deployment }),
    ...(contextId === undefined ? {} : { contextId }),
  };
}

/** `timestamp` is null as long as nobody asked for an end, so that clients show no time of finishing. */
export function toWire(task: Task): WireTask {
  const waiting = task.state === 'queued' || task.state === 'processing';
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return {
    id: task.id,
    state: task.state,
    description: task.description,
    timestamp: waiting ? null : seconds(task.finishedAtMs ?? task.checkpointAtMs ?? task.createdAtMs),
    started_at: task.startedAtMs === null ? null : seconds(task.startedAtMs),
    result: task.result,
    user: task.user === '' ? 'admin' : task.user,
    deployment: task.deployment,
    context_id: task.contextId,
  };
}
