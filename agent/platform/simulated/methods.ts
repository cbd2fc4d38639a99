import { createHash } from 'node:crypto';
import { checkDigest, algorithmFor, digestOf } from '../../../common/digest.ts';
import { parseApplySpec, jobNames } from '../../apply-spec.ts';
import { numberArgument, recordArgument, textArgument, textField } from '../../arguments.ts';
import type { Call } from '../../dispatch.ts';
import { ActionFailed } from '../../errors.ts';
import type { AgentMethod, AgentState, ApplySpec, ErrandResult, SshResult } from '../../protocol.ts';
import { summarizeScripts } from '../../scripts/summary.ts';
import { compilePackage, fetchLogs, fetchSpecBlobs, dropBlob } from './archives.ts';
import { addDisk, listDisks, migrateDisk, mountDisk, removeDisk, unmountDisk, updateSettings } from './disks.ts';
import { simulatedProcess } from './jobs.ts';
import { specOf } from './machine-state.ts';
import type { SimulatedMachine } from './machine.ts';

/** The answer to one method. Arguments are checked before anything changes. */
export type SimulatedMethod = (machine: SimulatedMachine, call: Call) => unknown;

export const simulatedMethods = {
  ping: () => 'pong',
  info: () => ({ api_version: 1 }),
  get_state: (machine, { args }) => getState(machine, args[0] === 'full'),
  prepare: async (machine, { args, signal }) => {
    await fetchSpecBlobs(machine, parseApplySpec(args[0]), signal);
    return 'prepared';
  },
  apply: (machine, { args, signal }) => apply(machine, parseApplySpec(args[0]), signal),
  start: (machine) => {
    if (specOf(machine.state)?.configuration_hash === undefined) {
      throw new ActionFailed('start: no spec was applied, so there is nothing to start', { code: 'nothing-applied' });
    }
    machine.startJobs();
    return 'started';
  },
  stop: (machine) => {
    machine.stopJobs();
    return 'stopped';
  },
  drain,
  run_script: (machine, { args }) => {
    const script = textArgument(args, 0, 'name');
    const failed = machine.failingScript(script);
    return summarizeScripts(script, { failed, executed: machine.state.jobs.filter((job) => !failed.includes(job)) });
  },
  run_errand: runErrand,
  compile_package: compilePackage,
  fetch_logs: fetchLogs,
  list_disk: listDisks,
  mount_disk: mountDisk,
  unmount_disk: unmountDisk,
  migrate_disk: migrateDisk,
  add_persistent_disk: addDisk,
  remove_persistent_disk: removeDisk,
  ssh,
  upload_blob: uploadBlob,
  update_settings: updateSettings,
  sync_dns: syncDns,
  delete_arp_entries: (_, { args }) => {
    recordArgument(args, 0, 'entries');
    return {};
  },
  shutdown: (machine) => {
    machine.halt();
    return null;
  },
} satisfies Record<Exclude<AgentMethod, 'get_task' | 'cancel_task'>, SimulatedMethod> as Record<
  Exclude<AgentMethod, 'get_task' | 'cancel_task'>,
  SimulatedMethod
>;

export function isSimulatedMethod(method: string): method is AgentMethod {
  return method === 'get_task' || method === 'cancel_task' || Object.hasOwn(simulatedMethods, method);
}

function getState(machine: SimulatedMachine, full: boolean): AgentState {
  const spec = specOf(machine.state);
  return {
    networks: {},
    packages: {},
    resource_pool: {},
    ...spec,
    agent_id: machine.agentId,
    job_state: machine.jobState(),
    vm: { name: machine.vmName },
    ...(full ? { vitals: machine.vitals() } : {}),
    processes:
      machine.state.jobState === 'blank'
        ? []
        : machine.state.jobs.map((job) => simulatedProcess(job, machine.processState(job))),
  };
}

/** A spec without `configuration_hash` is stored and sets nothing up, as on a real machine. */
async function apply(machine: SimulatedMachine, spec: ApplySpec, signal: AbortSignal): Promise<'applied'> {
  if (spec.configuration_hash !== undefined) {
    const jobs = jobNames(spec);
    if (jobs.length > 0 && spec.rendered_templates_archive === undefined) {
      throw new ActionFailed(`apply: the spec has ${jobs.length} jobs and no rendered_templates_archive`, {
        code: 'apply-spec-incomplete',
      });
    }
    await fetchSpecBlobs(machine, spec, signal);
    machine.state.jobs = jobs;
  }
  machine.state.specJson = JSON.stringify(spec);
  machine.remember();
  return 'applied';
}

function drain(machine: SimulatedMachine, { args }: Call): 0 {
  const kind = textArgument(args, 0, 'drain type');
  if (kind !== 'update' && kind !== 'shutdown') {
    throw new ActionFailed(`drain: unexpected type "${kind}"`, { code: 'drain-type-unknown' });
  }
  if (kind === 'update' || args[1] !== undefined) parseApplySpec(args[1]);
  if (kind === 'shutdown') machine.announceShutdown();
  const failed = machine.failingScript('drain');
  summarizeScripts('drain', { failed, executed: machine.state.jobs.filter((job) => !failed.includes(job)) });
  return 0;
}

function runErrand(machine: SimulatedMachine, { args }: Call): ErrandResult {
  const job = args[0] === undefined ? machine.state.jobs[0] : textArgument(args, 0, 'job');
  if (job === undefined) throw new ActionFailed('run_errand: no job was applied', { code: 'errand-unknown' });
  if (!machine.state.jobs.includes(job)) {
    throw new ActionFailed(`run_errand: could not find errand ${job}`, { code: 'errand-unknown' });
  }
  const scripted = machine.errandEndOf(job);
  if (scripted !== undefined) return scripted;
  const failed = machine.failingScript('run').includes(job);
  const stdout = `${job}: this machine is simulated, nothing was run\n`;
  return { stdout, stderr: failed ? `${job} failed by script\n` : '', exit_code: failed ? 1 : 0 };
}

function ssh(machine: SimulatedMachine, { args }: Call): SshResult {
  const command = textArgument(args, 0, 'command');
  const parameters = recordArgument(args, 1, 'parameters');
  const { state } = machine;
  switch (command) {
    case 'setup': {
      const user = textField(parameters, 'user');
      textField(parameters, 'public_key');
      if (!state.users.includes(user)) state.users.push(user);
      machine.remember();
      return {
        command,
        status: 'success',
        ip: machine.ips[0] ?? '127.0.0.1',
        host_public_key: hostPublicKey(machine.agentId),
      };
    }
    case 'cleanup': {
      const matching = new RegExp(textField(parameters, 'user_regex'));
      state.users = state.users.filter((user) => !matching.test(user));
      machine.remember();
      return { command, status: 'success' };
    }
    default:
      throw new ActionFailed(`ssh: unknown command "${command}"`, { code: 'ssh-command-unknown' });
  }
}

/** Well formed and always the same; nobody has the private one. */
function hostPublicKey(agentId: string): string {
  const fields = [Buffer.from('ssh-ed25519'), createHash('sha256').update(agentId).digest()];
  const blob = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, field];
  });
  return `ssh-ed25519 ${Buffer.concat(blob).toString('base64')}`;
}

function uploadBlob(machine: SimulatedMachine, { args }: Call): string {
  const upload = recordArgument(args, 0, 'blob');
  const blobId = textField(upload, 'blob_id');
  const checksum = textField(upload, 'checksum');
  const bytes = Buffer.from(textField(upload, 'payload'), 'base64');
  checkDigest(`blob ${blobId}`, checksum, digestOf(bytes, algorithmFor(checksum)));
  if (!machine.state.uploaded.includes(blobId)) machine.state.uploaded.push(blobId);
  machine.remember();
  return blobId;
}

async function syncDns(machine: SimulatedMachine, { args, signal }: Call): Promise<'synced'> {
  const blobId = textArgument(args, 0, 'blob id');
  const digest = textArgument(args, 1, 'digest');
  const version = numberArgument(args, 2, 'version');
  if (version <= machine.state.dnsVersion) return 'synced';
  await dropBlob(machine, { blobId, digest }, signal);
  machine.state.dnsVersion = Math.max(version, machine.state.dnsVersion);
  machine.remember();
  return 'synced';
}
