import type { ExplainedStep, InstanceExplanation } from '../api/contract/explain.ts';
import { activeVm, instanceLabel, unfinishedVm, unwantedVms } from '../plan/actual.ts';
import type { InstanceFacts, Watch } from './facts.ts';

/** Rules alone: no I/O. What it says is what health/ and deploy/ do, in their order. */
export function explain(facts: InstanceFacts): InstanceExplanation {
  const { instance } = facts;
  const condition = conditionOf(facts);
  return {
    instance: instanceLabel(instance),
    deployment: instance.deployment,
    wanted: instance.state,
    state: condition.state,
    reasons: [...condition.reasons, ...standingReasons(facts)],
    next: nextSteps(facts, condition),
    options: optionsOf(facts, condition),
  };
}

type Kind = 'running' | 'failing' | 'unheard' | 'silent' | 'no-vm' | 'stopped' | 'detached' | 'idle-errand' | 'new';

interface Condition {
  kind: Kind;
  state: string;
  reasons: string[];
}

function conditionOf(facts: InstanceFacts): Condition {
  const { instance, heartbeat, expectsVm } = facts;
  const vm = activeVm(instance);
  if (instance.state === 'detached') {
    const reason = 'It was stopped with `--hard`: its VM was deleted, its disks and addresses are kept.';
    return { kind: 'detached', state: 'stopped, without a VM', reasons: [reason] };
  }
  if (vm === null && !expectsVm && instance.spec !== null)
    return {
      kind: 'idle-errand',
      state: 'no VM, and none needed',
      reasons: ['An errand has a VM only while it runs.'],
    };
  if (vm === null) return withoutVm(facts);
  if (isSilent(facts))
    return {
      kind: 'silent',
      state: 'agent silent',
      reasons: [`Its agent was last heard of ${agoOf(facts.nowMs - (heartbeat?.atMs ?? facts.nowMs))} ago.`],
    };
  if (instance.state === 'stopped')
    return { kind: 'stopped', state: 'stopped', reasons: ['It was stopped by an operator, and keeps its VM.'] };
  if (heartbeat === null)
    return {
      kind: 'unheard',
      state: 'not heard of yet',
      reasons: ['Its agent has sent nothing since this director began.'],
    };
  if (heartbeat.jobState === 'running')
    return { kind: 'running', state: 'running', reasons: ['Its agent says that all its processes run.'] };
  return {
    kind: 'failing',
    state: heartbeat.jobState,
    reasons: [`Its agent answers, and says that its jobs are ${heartbeat.jobState}: a process does not run.`],
  };
}

function withoutVm({ instance }: InstanceFacts): Condition {
  const unfinished = unfinishedVm(instance);
  if (unfinished !== null)
    return {
      kind: 'no-vm',
      state: 'VM half made',
      reasons: ['Whoever was making its VM failed or was ended before it served.'],
    };
  if (instance.spec === null) return { kind: 'new', state: 'not made yet', reasons: ['No deploy has come to it yet.'] };
  return { kind: 'no-vm', state: 'no VM', reasons: ['It should have a VM, and has none.'] };
}

function isSilent({ nowMs, heartbeat, watch }: InstanceFacts): boolean {
  return heartbeat !== null && watch !== null && nowMs - heartbeat.atMs > watch.agentTimeoutMs;
}

/** What is so besides. */
function standingReasons({ instance, broke, problems }: InstanceFacts): string[] {
  const reasons: string[] = [];
  if (!instance.updateCompleted && instance.spec !== null) reasons.push('Its last update did not complete.');
  if (broke !== null) {
    const result = broke.result === null ? '' : `: ${firstLine(broke.result)}`;
    reasons.push(`Task ${broke.id} (${broke.description}) ended as ${broke.state}${result}.`);
  }
  for (const vm of instance.vms) if (vm.problem !== null) reasons.push(`VM ${vm.cid ?? vm.agentId}: ${vm.problem}.`);
  const leftOver = unwantedVms(instance).length;
  if (leftOver > 0)
    reasons.push(`${leftOver === 1 ? 'A VM' : `${leftOver} VMs`} of it should be deleted and still may be there.`);
  reasons.push(...problems.map((problem) => `Cloud check found: ${problem}`));
  if (instance.ignore) reasons.push('It is ignored: nothing and nobody touches it until it is unignored.');
  return reasons;
}

function nextSteps(facts: InstanceFacts, { kind }: Condition): ExplainedStep[] {
  const { atWork, instance, watch, heartbeat, nowMs } = facts;
  if (atWork !== null)
    return [
      { rule: `task ${atWork.id}`, what: `${atWork.description}: nothing else acts until it has ended`, by: null },
    ];
  if (instance.ignore || watch === null) return [];
  const by = (ms: number) => Math.ceil(ms / 1000);
  if (kind === 'silent' || (kind === 'no-vm' && facts.expectsVm))
    return [resurrectionStep(watch.resurrection, by(nowMs + watch.judgesEveryMs))];
  if (kind === 'running' || kind === 'failing' || kind === 'stopped') {
    const silentAtMs = (heartbeat?.atMs ?? nowMs) + watch.agentTimeoutMs;
    const what = `if its agent stays silent, it counts as timed out after ${watch.agentTimeoutMs / 1000} s`;
    return [{ rule: 'health monitor', what, by: by(silentAtMs + watch.judgesEveryMs) }];
  }
  return [];
}

function resurrectionStep(verdict: Watch['resurrection'], by: number): ExplainedStep {
  const rule = 'resurrector';
  switch (verdict.kind) {
    case 'acts':
      return { rule, what: 'has it looked at, and gives it another VM with its disk, addresses and name', by };
    case 'off':
      return { rule, what: 'does nothing: it is switched off in the config of the director', by: null };
    case 'paused':
      return { rule, what: 'does nothing: it is paused for the whole director', by: null };
    case 'forbidden':
      return { rule, what: 'does nothing: a config of the type resurrection forbids it', by: null };
    case 'stateful':
      return { rule, what: 'does nothing: instances with a persistent disk are left alone by the config', by: null };
    case 'meltdown':
      return { rule, what: `waits: so many are dead that it may be the network (${verdict.why})`, by: null };
  }
}

function optionsOf(facts: InstanceFacts, { kind }: Condition): InstanceExplanation['options'] {
  const { instance, atWork, watch } = facts;
  const [d, label] = [`gantry -d ${instance.deployment}`, instanceLabel(instance)];
  const options: InstanceExplanation['options'] = [];
  const offer = (command: string, why: string) => void options.push({ command, why });
  if (atWork !== null) {
    offer(`gantry task ${atWork.id}`, 'follows the task that is at work');
    offer(`gantry cancel-task ${atWork.id}`, 'ends it');
    return options;
  }
  if (instance.ignore) offer(`${d} unignore ${label}`, 'lets deploys and repairs touch it again');
  if (kind === 'silent') {
    offer(`${d} cloud-check`, 'looks whether its VM exists, and offers what can be done');
    offer(`${d} recreate ${label} --fix --no-converge`, 'replaces its VM now');
  }
  if (kind === 'no-vm') offer(`${d} cloud-check`, 'finds out what is missing and makes it');
  if (kind === 'failing') {
    offer(`${d} logs ${label}`, 'fetches the logs of its jobs');
    offer(`${d} restart ${label} --no-converge`, 'starts its jobs anew');
    offer(`${d} recreate ${label} --no-converge`, 'gives it a fresh VM');
  }
  if (kind === 'stopped' || kind === 'detached') offer(`${d} start ${label}`, 'starts it');
  if (kind === 'unheard') offer(`${d} instances --ps`, 'asks its agent');
  if (watch?.resurrection.kind === 'paused')
    offer('gantry update-resurrection on', 'lets dead machines be replaced again');
  if (facts.broke !== null) {
    offer(`gantry task ${facts.broke.id} --debug`, 'shows what happened');
    offer(`gantry rollback ${instance.deployment} --dry-run`, 'shows what going back would do');
  }
  return options;
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.replace(/\.$/, '');
}

function agoOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
