import { messageOf, OperatorError } from '../../common/errors.ts';
import type { BlobId } from '../../common/ids.ts';
import type { ErrandRunResult } from '../api/contract/access.ts';
import type { ErrandResult } from '../../agent/protocol.ts';
import { packInstanceLogs, type LogsDeps } from '../logs/instance-logs.ts';
import { vmMissing } from '../observe/vm-missing.ts';
import { activeVm, instanceLabel, instanceTitle } from '../plan/actual.ts';
import type { ErrandStart } from '../store/errands.ts';
import type { Instance, Vm } from '../store/instances.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import { isCancelled, settling } from './after-cancel.ts';
import { errandResultInvalid, jobNotFirst } from './errors.ts';

export interface InstanceRunDeps {
  logs: LogsDeps;
  task: TaskContext;
  errand: string;
  /** It was named by the job that runs; else the agent runs the first one. */
  byJob: boolean;
  /** What this task has begun before, in a life of the director that ended. */
  starts: ReadonlyMap<Instance['id'], ErrandStart>;
}

/** How long an errand may take to end once it was cancelled: agents kill it after ten seconds. */
const cancelledMsMax = 120_000;

/**
 * One errand on one instance.
 *
 *   begun    the agent's task is on record       -> ended, whichever director asks after it
 *   ended    the line of the result and the exit code are written in one transaction: nothing is run or told twice
 *
 * Only where a director dies between asking the agent and recording its answer, a few milliseconds, it runs twice.
 */
export class InstanceRun {
  readonly #deps: InstanceRunDeps;
  readonly #instance: Instance;

  constructor(instance: Instance, deps: InstanceRunDeps) {
    this.#deps = deps;
    this.#instance = instance;
  }

  /** Null: it is not known, or still runs. */
  get endedBefore(): number | null {
    return this.#deps.starts.get(this.#instance.id)?.exitCode ?? null;
  }

  /** It runs already, or has run. */
  get isBegun(): boolean {
    return this.#deps.starts.has(this.#instance.id);
  }

  /** @returns the exit code @throws what ended it; the reason of the task's signal after a cancel, once its result is written */
  async run(): Promise<number> {
    const before = this.endedBefore;
    if (before !== null) return before;
    const { task, errand } = this.#deps;
    const { deployment } = this.#instance;
    const event = {
      action: 'run',
      objectType: 'errand',
      objectName: errand,
      deployment,
      instance: instanceTitle(this.#instance),
    };
    const parentId = await task.record(event);
    try {
      const exitCode = await this.#runAndTell();
      await task.record({ ...event, parentId, context: { exit_code: exitCode } });
      return exitCode;
    } catch (thrown) {
      await task.record({ ...event, parentId, error: messageOf(thrown) });
      throw thrown;
    }
  }

  async #runAndTell(): Promise<number> {
    const vm = activeVm(this.#instance);
    if (vm === null) throw vmMissing(this.#instance);
    await this.#refuseOldAgent(vm);
    const { result, cancelled } = await this.#outcome(vm);
    const logs = await this.#logs(vm);
    await this.#tell(vm, result, logs.blob);
    if (cancelled) this.#deps.task.checkpoint();
    if (logs.failure !== undefined) throw logs.failure;
    return result.exit_code;
  }

  /** Before agents took the name of a job, they ran the first one. */
  async #refuseOldAgent({ agentId }: Vm): Promise<void> {
    const { byJob, errand, task, logs } = this.#deps;
    if (!byJob) return;
    const { api_version: version } = await logs.agents.call(agentId, 'info', [], this.#call(task.signal));
    const { job } = (this.#instance.spec ?? {}) as { job?: { template?: string } | null }; // baseSpec made it
    if (version < 1 && job?.template !== errand) throw jobNotFirst(errand);
  }

  async #outcome(vm: Vm): Promise<{ result: ErrandResult; cancelled: boolean }> {
    const { task } = this.#deps;
    const stage = task.events.stage('Running errand', 1);
    let begun: string | undefined;
    try {
      const result = await stage.task(instanceTitle(this.#instance), () =>
        this.#untilEnded(vm, (agentTaskId) => (begun = agentTaskId)),
      );
      return { result, cancelled: false };
    } catch (thrown) {
      if (begun === undefined || !isCancelled(task)) throw thrown;
      return { result: await this.#cancel(vm, begun), cancelled: true };
    }
  }

  async #untilEnded(vm: Vm, onBegun: (agentTaskId: string) => void): Promise<ErrandResult> {
    const { task, logs, errand, byJob } = this.#deps;
    const { agentId } = vm;
    const { signal } = task;
    const known = this.#deps.starts.get(this.#instance.id);
    let agentTaskId = known?.agentId === agentId ? known.agentTaskId : null;
    if (agentTaskId === null) {
      const begun = await logs.agents.begin(agentId, 'run_errand', byJob ? [errand] : [], this.#call(signal));
      if ('value' in begun) return this.#checked(begun.value);
      ({ agentTaskId } = begun);
      await task.store.errands.recordStart(this.#start(vm, { agentTaskId, exitCode: null }));
    }
    onBegun(agentTaskId);
    return this.#checked(await logs.agents.finish(agentId, 'run_errand', agentTaskId, this.#call(signal)));
  }

  /** A cancelled errand has a result, too. */
  async #cancel({ agentId }: Vm, agentTaskId: string): Promise<ErrandResult> {
    const { agents } = this.#deps.logs;
    const { signal } = settling(this.#deps.task);
    await agents.cancel(agentId, 'run_errand', agentTaskId);
    const call = { ...this.#call(signal), timeoutMs: cancelledMsMax };
    return this.#checked(await agents.finish(agentId, 'run_errand', agentTaskId, call));
  }

  /** That they could not be fetched is told after what the errand said. */
  async #logs(vm: Vm): Promise<{ blob: { blobId: BlobId; digest: string } | null; failure?: OperatorError }> {
    const { logs, task } = this.#deps;
    try {
      const wish = { type: 'job', filters: null };
      const blob = await packInstanceLogs({ instance: this.#instance, vm }, wish, logs, settling(task));
      await task.store.logBundles.register(blob.blobId, logs.clock.now());
      return { blob };
    } catch (thrown) {
      if (thrown instanceof OperatorError && !task.signal.aborted) return { blob: null, failure: thrown };
      if (thrown instanceof OperatorError && isCancelled(task)) return { blob: null };
      throw thrown;
    }
  }

  async #tell(vm: Vm, result: ErrandResult, blob: { blobId: BlobId; digest: string } | null): Promise<void> {
    const { task, errand } = this.#deps;
    const { group, id } = this.#instance;
    const line: ErrandRunResult = {
      instance: { group, id },
      errand_name: errand,
      exit_code: result.exit_code,
      stdout: result.stdout,
      stderr: result.stderr,
      logs: { blobstore_id: blob?.blobId ?? null, sha1: blob?.digest ?? null },
    };
    const { agentTaskId = null } = this.#deps.starts.get(id) ?? {};
    await task.store.atomically(async (store) => {
      await store.errands.recordStart(this.#start(vm, { agentTaskId, exitCode: result.exit_code }));
      await store.tasks.appendOutput(task.task.id, 'result', Buffer.from(`${JSON.stringify(line)}\n`));
    });
  }

  #start(vm: Vm, end: { agentTaskId: string | null; exitCode: number | null }): ErrandStart {
    return { taskId: this.#deps.task.task.id, instanceId: this.#instance.id, agentId: vm.agentId, ...end };
  }

  #checked(result: unknown): ErrandResult {
    const { stdout, stderr, exit_code: exitCode } = (result ?? {}) as Record<string, unknown>; // it comes from a machine
    if (typeof stdout === 'string' && typeof stderr === 'string' && Number.isInteger(exitCode))
      return { stdout, stderr, exit_code: exitCode as number };
    throw errandResultInvalid(instanceLabel(this.#instance));
  }

  #call(signal: AbortSignal) {
    return { label: instanceLabel(this.#instance), signal };
  }
}
