import { messageOf, OperatorError } from '../../common/errors.ts';
import type { SshArgs } from '../api/deploy-args.ts';
import type { SshSession } from '../api/contract/access.ts';
import type { Agents } from '../bus/agents.ts';
import { inParallel } from '../execute/in-parallel.ts';
import { activeVm, instanceLabel } from '../plan/actual.ts';
import { rubyInspect } from '../ruby-inspect.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';

export interface SshDeps {
  agents: Agents;
  /** Agents that are asked at a time. */
  vmsAtOnceMax: number;
  /** What clients are told to go through. */
  gateway: SshGateway | null;
}

export interface SshGateway {
  host: string;
  user: string;
}

type Machine = { instance: Instance; vm: Vm };

/** `bosh ssh`, before and after: has agents make an account for one session, or remove it. */
export function ssh(deps: SshDeps): TaskHandler {
  return async (task) => {
    const args = task.task.args as SshArgs; // the API has checked it
    const { deployment } = args;
    if (await isTold(task)) return null;
    const instances = (await task.store.instances.ofDeployment(deployment)).filter(matcherOf(args));
    const machines = instances.flatMap((instance): Machine[] => {
      const vm = activeVm(instance);
      return vm === null ? [] : [{ instance, vm }];
    });
    if (machines.length === 0) throw nobody(args);
    const sessions =
      args.command === 'setup' ? await setUp(machines, args, deps, task) : await ask(machines, args, deps, task);
    task.result(`${JSON.stringify(sessions)}\n`);
    return null;
  };
}

/** By a life of the director that ended before it could say that it was done. */
async function isTold({ store, task }: TaskContext): Promise<boolean> {
  return ((await store.tasks.output(task.id, 'result', { from: 0, bytesMax: 0 }))?.size ?? 0) > 0;
}

/** All of them or none: whoever is told of a failure has nothing to clean up. */
async function setUp(machines: readonly Machine[], args: SshArgs, deps: SshDeps, task: TaskContext) {
  try {
    return await ask(machines, args, deps, task);
  } catch (thrown) {
    const cleanUp: SshArgs = { ...args, command: 'cleanup', params: { user_regex: `^${args.params.user ?? ''}$` } };
    const settled = { ...task, signal: new AbortController().signal }; // also after a cancel
    await ask(machines, cleanUp, deps, settled).catch((second: unknown) =>
      task.debug(`what was set up may be left: ${messageOf(second)}`),
    );
    throw thrown;
  }
}

async function ask(
  machines: readonly Machine[],
  args: SshArgs,
  deps: SshDeps,
  task: TaskContext,
): Promise<SshSession[]> {
  const sessions = new Map<string, SshSession>();
  await inParallel(machines, deps.vmsAtOnceMax, async ({ instance, vm }) => {
    sessions.set(instance.id, await onRecord(instance, args, task, () => askOne({ instance, vm }, args, deps, task)));
  });
  return machines.flatMap(({ instance }) => sessions.get(instance.id) ?? []);
}

async function askOne({ instance, vm }: Machine, { command, params }: SshArgs, deps: SshDeps, { signal }: TaskContext) {
  const call = { label: instanceLabel(instance), signal };
  const said =
    command === 'setup'
      ? await deps.agents.call(
          vm.agentId,
          'ssh',
          ['setup', { user: params.user ?? '', public_key: params.public_key ?? '' }],
          call,
        )
      : await deps.agents.call(vm.agentId, 'ssh', ['cleanup', { user_regex: params.user_regex ?? '' }], call);
  const { gateway } = deps;
  return {
    ...said,
    id: instance.id,
    index: instance.index,
    job: instance.group,
    ...(gateway === null ? {} : { gateway_host: gateway.host, gateway_user: gateway.user }),
  };
}

async function onRecord<T>(
  instance: Instance,
  { command, params }: SshArgs,
  task: TaskContext,
  work: () => Promise<T>,
): Promise<T> {
  const label = instanceLabel(instance);
  const event = {
    action: `${command} ssh`,
    objectType: 'instance',
    objectName: label,
    deployment: instance.deployment,
    instance: label,
    context: { user: params.user_regex ?? params.user ?? '' },
  };
  try {
    const done = await work();
    await task.record(event);
    return done;
  } catch (thrown) {
    await task.record({ ...event, error: messageOf(thrown) });
    throw thrown;
  }
}

/** Ids are UUIDs or indexes; where there are none, the oldest clients' indexes. */
function matcherOf({ target: { job, ids, indexes } }: SshArgs): (instance: Instance) => boolean {
  const wanted = new Set((ids.length > 0 ? ids : indexes).map(String));
  return (instance) =>
    (job === null || instance.group === job) &&
    (wanted.size === 0 || wanted.has(instance.id) || wanted.has(String(instance.index)));
}

function nobody({ deployment, target: { job, ids, indexes } }: SshArgs): OperatorError {
  const filter = {
    ...(job === null ? {} : { job }),
    ...(ids.length + indexes.length === 0 ? {} : { ids: ids.length > 0 ? ids : indexes }),
  };
  return new OperatorError(
    `No instance with a VM in deployment '${deployment}' matched filter ${rubyInspect(filter)}`,
    {
      code: 'instances-without-vm',
      hint: `\`bosh -d ${deployment} vms\` lists those that have one.`,
      details: { deployment, job, ids },
    },
  );
}
