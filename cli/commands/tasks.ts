import type { Lock } from '../../director/api/contract/operations.ts';
import { mediaTypes, type OutputType, paths } from '../../director/api/contract/paths.ts';
import type { Task, TaskSelector } from '../../director/api/contract/tasks.ts';
import type { CommandSpec } from '../command.ts';
import type { Given } from '../given.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { followTask } from '../follow-task.ts';
import { withQuery } from '../query.ts';
import { taskId } from '../slugs.ts';
import { PlainTaskReporter } from '../ui/task-reporter.ts';
import { type Cell, columnsOf, number, time, toned } from '../ui/table.ts';

const all = { name: 'all', short: 'a', text: 'Include all task types (ssh, logs, vms, etc)' };

export const taskCommands: readonly CommandSpec[] = [
  {
    name: 'task',
    aliases: ['t'],
    text: 'Show task status and start tracking its output',
    args: [{ name: 'ID', optional: true }],
    flags: [
      { name: 'event', text: 'Track event log' },
      { name: 'cpi', text: 'Track CPI log' },
      { name: 'debug', text: 'Track debug log' },
      { name: 'result', text: 'Track result log' },
      all,
    ],
    run: track,
  },
  {
    name: 'tasks',
    aliases: ['ts'],
    text: 'List running or recent tasks',
    flags: [
      {
        name: 'recent',
        short: 'r',
        value: 'N',
        whenBare: '30',
        text: "Show 30 recent tasks. Use '=' to specify the number of tasks to show",
      },
      all,
    ],
    run: list,
  },
  {
    name: 'cancel-task',
    aliases: ['ct'],
    text: 'Cancel task at its next checkpoint',
    args: [{ name: 'ID' }],
    run: async ({ session }, given) => {
      const id = taskId(given.arg(0));
      const client = await session.director();
      await fetching<Task>(client, `Finding task '${id}'`, paths.task(id));
      await during(`Cancelling task '${id}'`, client.call({ method: 'DELETE', path: paths.cancelTask(id) }));
    },
  },
  {
    name: 'cancel-tasks',
    aliases: ['cts'],
    text: 'Cancel tasks at their next checkpoints',
    flags: [
      { name: 'type', short: 't', value: 'TYPE', many: true, text: 'Task types to cancel (default: all)' },
      { name: 'state', short: 's', value: 'STATE', many: true, text: 'Task states to cancel (default: queued)' },
    ],
    run: async ({ session, globals }, given) => {
      const client = await session.director();
      const selector: TaskSelector = {
        ...(globals.deployment === '' ? {} : { deployment: globals.deployment }),
        ...(given.on('type') ? { types: [...given.list('type')] } : {}),
        ...(given.on('state') ? { states: [...given.list('state')] } : {}),
      };
      await during(
        'Cancelling tasks',
        client.call({
          method: 'POST',
          path: paths.cancelTasks,
          headers: { 'content-type': mediaTypes.json },
          body: JSON.stringify(selector),
        }),
      );
    },
  },
  {
    name: 'locks',
    text: 'List current locks',
    run: async ({ ui, session }) => {
      const locks = await fetching<Lock[]>(await session.director(), 'Finding locks', paths.locks);
      ui.table({
        content: 'locks',
        columns: columnsOf('Type', 'Resource', 'Task ID', 'Expires at'),
        rows: locks.map(({ type, resource, task_id, timeout }) => [
          type,
          resource.join(':'),
          task_id,
          time(Math.floor(Number(timeout))),
        ]),
        sortBy: [{ column: 2 }],
      });
    },
  },
];

async function track({ ui, session, globals, clock }: Context, given: Given): Promise<void> {
  const client = await session.director();
  const type = (['event', 'cpi', 'debug', 'result'] as const).find((name) => given.on(name));
  let id: number;
  if (given.arg(0) === '') {
    const path = currentPath(globals.deployment, given.on('all'));
    const [current] = await fetching<Task[]>(client, 'Finding current tasks', path);
    if (current === undefined) throw new CliError('No task found');
    ({ id } = current);
  } else {
    id = taskId(given.arg(0));
    await fetching<Task>(client, `Finding task '${id}'`, paths.task(id));
  }
  const what = `Capturing task '${id}' output`;
  if (type === undefined) return during(what, session.follow(id));
  const reporter = new PlainTaskReporter(ui);
  await during(what, followTask(id, type satisfies OutputType, { client, reporter, clock }));
}

async function list({ ui, session, globals }: Context, given: Given): Promise<void> {
  const client = await session.director();
  const verbose = given.on('all') ? '2' : '1';
  const recent = given.text('recent');
  if (recent !== '' && !/^\d{1,6}$/.test(recent))
    throw new CliError(`invalid argument for flag \`-r, --recent' (expected int): "${recent}"`);
  const path =
    recent === ''
      ? currentPath(globals.deployment, true)
      : withQuery(paths.tasks, { limit: recent, verbose, deployment: globals.deployment });
  const what = recent === '' ? 'Finding current tasks' : 'Finding recent tasks';
  const tasks = await fetching<Task[]>(client, what, path);
  ui.table({
    content: 'tasks',
    columns: columnsOf('ID', 'State', 'Started At', 'Finished At', 'User', 'Deployment', 'Description', 'Result'),
    rows: tasks.map((task) => [
      number(task.id),
      toned(task.state, !['error', 'timeout', 'cancelled'].includes(task.state)),
      time(task.started_at),
      finishedAt(task),
      task.user ?? '',
      task.deployment ?? '',
      task.description,
      task.result ?? '',
    ]),
    sortBy: [{ column: 0, descending: true }],
  });
}

function currentPath(deployment: string, everything: boolean): string {
  return withQuery(paths.tasks, {
    state: 'processing,cancelling,queued',
    verbose: everything ? '2' : '1',
    deployment,
  });
}

const finishedAt = ({ timestamp }: Task): Cell => (timestamp === null || timestamp === 0 ? '-' : time(timestamp));
