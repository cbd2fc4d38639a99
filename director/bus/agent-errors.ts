import type { AgentException, AgentMethod } from '../../agent/protocol.ts';
import { OperatorError } from '../../common/errors.ts';
import type { AgentId } from '../../common/ids.ts';

/** Which call of which instance; `label` names the instance in messages. */
export interface CallName {
  label: string;
  agentId: AgentId;
  method: AgentMethod;
}

const agentLog = '/var/vcap/bosh/log/current';

/** Where operators find them, whatever the machine is. */
export const jobLogs =
  'on the machine, below /var/vcap/sys/log (of a process machine, below ' +
  "infrastructure/machines/vms/VM-CID/vcap/data/sys/log in the director's state directory)";

/** The agent answered that it could not do it. */
export class AgentFailed extends OperatorError {
  /** In the agent's own words. */
  readonly agentMessage: string;

  constructor({ label, agentId, method }: CallName, exception: AgentException) {
    const { message, backtrace, blobstore_id: blobId } = exception;
    super(`${label}: ${method} failed: ${withoutTask(message)}`, {
      code: 'agent-exception',
      hint:
        blobId === undefined
          ? `Look into the instance: its jobs' logs are ${jobLogs}; its agent's is ${agentLog}.`
          : `The output did not fit into a message: all of it is blob ${blobId} in the director's blobstore.`,
      details: { instance: label, agentId, method, ...(blobId === undefined ? {} : { blobstoreId: blobId }) },
      cause: backtrace,
    });
    this.agentMessage = message;
  }

  /** The agent is about to start anew, with other settings. */
  get isRestarting(): boolean {
    return this.agentMessage.startsWith('restarting agent');
  }

  get isUnknownMethod(): boolean {
    return this.agentMessage.includes('unknown message');
  }

  get isTaskUnknown(): boolean {
    return /Task with id \S+ could not be found/.test(this.agentMessage);
  }
}

/** Nobody knows whether the agent did it. `silent`: it answered nothing; otherwise it said that it was still at it. */
export class AgentTimedOut extends OperatorError {
  readonly silent: boolean;

  constructor({ label, agentId, method }: CallName, { waitedMs, silent }: { waitedMs: number; silent: boolean }) {
    const what = silent ? `no answer from the agent to ${method} in` : `the agent did not finish ${method} within`;
    super(`${label}: ${what} ${seconds(waitedMs)} s (agent ${agentId})`, {
      code: 'agent-timed-out',
      retryable: true,
      hint:
        `Check that the VM runs and is not overloaded, and read ${agentLog} on it. ` +
        'If its agent hangs, recreate the instance; its persistent disk is kept.',
      details: { instance: label, agentId, method, waitedS: seconds(waitedMs) },
    });
    this.silent = silent;
  }
}

/** The VM exists but its agent never answered. Retrying replaces the VM, so it is retryable. */
export class AgentUnreachable extends OperatorError {
  constructor({ label, agentId, vmCid }: { label: string; agentId: AgentId; vmCid?: string }, waitedMs: number) {
    const vm = vmCid === undefined ? '' : `VM ${vmCid}, `;
    super(`${label}: no answer from the agent in ${seconds(waitedMs)} s (${vm}agent ${agentId})`, {
      code: 'agent-unreachable',
      retryable: true,
      hint:
        "Check that the VM has started and can reach the director's message bus, then run the task again. " +
        `To look inside, use the console of the infrastructure and read ${agentLog}.`,
      details: { instance: label, agentId, waitedS: seconds(waitedMs), ...(vmCid === undefined ? {} : { vmCid }) },
    });
  }
}

export function unsupportedAction({ label, agentId, method }: CallName, cause: unknown): OperatorError {
  return new OperatorError(`${label}: its agent does not know ${method}`, {
    code: 'agent-unsupported-action',
    hint: 'The agent comes with the stemcell: use a newer stemcell for this instance.',
    details: { instance: label, agentId, method },
    cause,
  });
}

export function agentTaskLost({ label, agentId, method }: CallName, cause: unknown): OperatorError {
  return new OperatorError(`${label}: its agent was started anew during ${method}, and what came of it is not known`, {
    code: 'agent-task-lost',
    hint: 'Look into the instance for what was done of it, then run the command again.',
    details: { instance: label, agentId, method },
    cause,
  });
}

export function answerMalformed({ label, agentId, method }: CallName, bytes: number): OperatorError {
  return new OperatorError(`${label}: the agent answered ${method} with ${bytes} bytes that are no answer`, {
    code: 'agent-answer-malformed',
    hint: `Something else than a BOSH agent may run on that VM, or it is broken: read ${agentLog}.`,
    details: { instance: label, agentId, method, bytes },
  });
}

/** BOSH's agent says which task it was, and that get_task failed: nobody knows those. */
function withoutTask(message: string): string {
  return message.replace(/^Action Failed get_task: Task [0-9a-f-]+ result: /, '');
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
