import type { AgentId } from '../../../common/ids.ts';
import { OperatorError } from '../../../common/errors.ts';
import type { AgentState } from '../../../agent/protocol.ts';
import type { WatchMs } from '../../../manifests/update-policy.ts';
import { jobLogs } from '../../bus/agent-errors.ts';
import { activeVm } from '../../plan/actual.ts';
import { applySpec, archiveOf } from '../../plan/instance-spec.ts';
import type { StopIntent } from '../../plan/step.ts';
import type { JobsWork, StepIo } from '../work.ts';
import { settleDisks } from './disks.ts';
import { recordNames } from './names.ts';

/** Tells a new machine who it is, learns the addresses that the infrastructure chose, and gives it its names. */
export async function introduce(io: StepIo): Promise<void> {
  const { work, task, agents } = io;
  const jobs = jobsOf(io);
  const agentId = agentOf(io);
  const call = { label: work.label, signal: task.signal };
  const { deployment, job, index, id, networks } = applySpec(jobs.spec);
  await agents.call(agentId, 'apply', [{ deployment, ...(job == null ? {} : { job }), index, id, networks }], call);
  const dynamic = Object.values(networks).some(({ type }) => type === 'dynamic');
  if (dynamic) {
    const state = await agents.call(agentId, 'get_state', [], call);
    await jobs.learnNetworks(state.networks ?? {});
  }
  await recordNames(io);
}

export async function prepare(io: StepIo): Promise<void> {
  const { work, task, agents } = io;
  const spec = await jobsOf(io).withArchive();
  await agents.call(agentOf(io), 'prepare', [applySpec(spec)], { label: work.label, signal: task.signal });
}

/** pre-stop, drain, stop, post-stop: BOSH's order, and its words for the event stream. */
export async function stop(
  io: StepIo,
  { drain, next }: { drain: 'update' | 'shutdown' | 'skip'; next: StopIntent },
): Promise<void> {
  const { work, task, agents } = io;
  const agentId = agentOf(io);
  const call = { label: work.label, signal: task.signal };
  if (drain === 'skip') work.progress.advance(10, 'skipped pre-stop & drain');
  else {
    work.progress.advance(5, 'executing pre-stop');
    await agents.call(agentId, 'run_script', ['pre-stop', { env: nextStates(next) }], call);
    work.progress.advance(5, 'executing drain');
    await drainJobs(io, agentId, drain);
  }
  work.progress.advance(20, 'stopping jobs');
  await agents.call(agentId, 'stop', [], call);
  work.progress.advance(10, 'executing post-stop');
  await agents.call(agentId, 'run_script', ['post-stop', {}], call);
}

function nextStates(next: StopIntent): Record<string, string> {
  const rank = ['keep-vm', 'delete-vm', 'delete-instance', 'delete-deployment'].indexOf(next);
  const stateAt = (at: number) => (rank >= at ? 'delete' : 'keep');
  return {
    BOSH_VM_NEXT_STATE: stateAt(1),
    BOSH_INSTANCE_NEXT_STATE: stateAt(2),
    BOSH_DEPLOYMENT_NEXT_STATE: stateAt(3),
  };
}

/** Older agents answer with a time to wait; a negative one says to ask again after it. */
async function drainJobs(
  { work, task, agents, clock }: StepIo,
  agentId: AgentId,
  kind: 'update' | 'shutdown',
): Promise<void> {
  const spec = applySpec(work.jobs?.spec ?? work.instance.spec ?? {});
  const call = { label: work.label, signal: task.signal };
  let seconds = await agents.call(agentId, 'drain', [kind, spec], call);
  while (seconds < 0) {
    await clock.sleep(-seconds * 1000, task.signal);
    seconds = await agents.call(agentId, 'drain', ['status'], call);
  }
  if (seconds > 0) await clock.sleep(seconds * 1000, task.signal);
}

export async function apply(io: StepIo): Promise<void> {
  const { work, task, agents, blobs, dns } = io;
  const jobs = jobsOf(io);
  await dns.tell(agentOf(io));
  work.progress.advance(10, 'installing packages');
  const spec = await jobs.withArchive();
  await agents.call(agentOf(io), 'apply', [applySpec(spec)], { label: work.label, signal: task.signal });
  work.progress.advance(10, 'configuring jobs');
  const former = archiveOf(work.instance.spec);
  const set = work.variables.set;
  const appliedWith = set === null ? {} : { variableSet: set };
  await task.store.instances.update(work.instance.id, { spec, ...appliedWith });
  Object.assign(work.instance, { spec, ...appliedWith });
  if (former !== null && former !== archiveOf(spec)) await blobs.delete(former);
}

/** pre-start, start, wait until all jobs run, post-start. */
export async function start(
  io: StepIo,
  { watch, canaryWatch, unwatched = false }: { watch: WatchMs; canaryWatch: WatchMs; unwatched?: boolean },
): Promise<void> {
  const { work, task, agents } = io;
  const agentId = agentOf(io);
  const call = { label: work.label, signal: task.signal };
  await settleDisks(io);
  work.progress.advance(10, 'executing pre-start');
  await agents.call(agentId, 'run_script', ['pre-start', {}], call);
  work.progress.advance(20, 'starting jobs');
  await agents.call(agentId, 'start', [], call);
  if (unwatched) return;
  await untilRunning(io, agentId, work.canary ? canaryWatch : watch);
  work.progress.advance(10, 'executing post-start');
  await agents.call(agentId, 'run_script', ['post-start', {}], call);
}

async function untilRunning({ work, task, agents, clock }: StepIo, agentId: AgentId, watch: WatchMs): Promise<void> {
  let state: AgentState | null = null;
  for (const waitMs of watchSchedule(watch)) {
    await clock.sleep(waitMs, task.signal);
    state = await agents.call(agentId, 'get_state', [], { label: work.label, signal: task.signal });
    if (state.job_state === 'running') return;
  }
  const full = await agents.call(agentId, 'get_state', ['full'], { label: work.label, signal: task.signal });
  const failing = (full.processes ?? []).filter((process) => process.state !== 'running').map(({ name }) => name);
  throw new OperatorError(
    `'${work.label} (${work.instance.index})' is not running after update.` +
      (failing.length === 0 ? '' : ` Review logs for failed jobs: ${failing.join(', ')}`),
    {
      code: 'jobs-not-running',
      hint: `The jobs' logs are ${jobLogs}. The instance stays as it is; deploying again tries anew. Where the jobs only need longer, raise update_watch_time (now ${watch.max} ms).`,
      details: { boshCode: 400007, instance: work.label, jobState: state?.job_state ?? 'unknown', failing },
    },
  );
}

/** The first look is after `min`; then up to nine more, 1 to 15 seconds apart, until `max`. Source: bosh's starter.rb */
export function watchSchedule({ min, max }: WatchMs): number[] {
  const span = max - min;
  const stepMs = Math.min(Math.max(span / 9, 1000), 15_000);
  return [min, ...Array.from({ length: Math.floor(span / stepMs) }, () => stepMs)];
}

function jobsOf({ work }: StepIo): JobsWork {
  if (work.jobs === null) throw new Error(`${work.label} has no jobs to bring to it`);
  return work.jobs;
}

function agentOf({ work }: StepIo): AgentId {
  const vm = activeVm(work.instance);
  if (vm === null) throw new Error(`${work.label} has no VM whose agent could be asked`);
  return vm.agentId;
}
