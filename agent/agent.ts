import type { Chance } from '../common/chance.ts';
import type { Clock, Timer } from '../common/clock.ts';
import { messageOf } from '../common/errors.ts';
import type { Log } from '../common/log.ts';
import { actions } from './actions/table.ts';
import { alertOf } from './alerts.ts';
import type { Blobs } from './blobs.ts';
import { blobsIo } from './blobs/blobs-io.ts';
import { blobsFromSettings, withUploaded } from './blobs/from-settings.ts';
import { answerRequests, type Call } from './dispatch.ts';
import type { Machine } from './machine.ts';
import type { MbusCertificate } from './nats-transport.ts';
import { OneAtATime } from './one-at-a-time.ts';
import type { Platform } from './platform/platform.ts';
import { heartbeatEveryMs, subjects, type AgentMethod, type Heartbeat } from './protocol.ts';
import type { SettingsStore } from './settings-store.ts';
import { SpecStore } from './spec-store.ts';
import { Supervisor } from './supervise/supervisor.ts';
import { AgentTasks } from './tasks.ts';
import type { Subscription, Transport } from './transport.ts';

export interface AgentOptions {
  settings: SettingsStore;
  transport: Transport;
  /** Prepared already: `platform.prepare`. */
  platform: Platform;
  clock: Clock;
  chance: Chance;
  log: Log;
  swapCertificate: (certificate: MbusCertificate) => Promise<void>;
  halt: () => void;
}

/**
 * The agent of one machine: answers the director, keeps the jobs' processes running, and tells the health monitor
 * how things are. What it is meant to do is on disk; a new agent goes on where a killed one was, but for the tasks
 * that were under way, which the director gives again.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #machine: Machine;
  readonly #tasks: AgentTasks;
  #subscription: Subscription | undefined;
  #nextBeat: Timer | undefined;
  #closed = false;

  private constructor(options: AgentOptions, { spec, supervisor }: { spec: SpecStore; supervisor: Supervisor }) {
    const { platform, settings, clock, chance, log, swapCertificate, halt } = options;
    this.#options = options;
    this.#tasks = new AgentTasks(chance);
    this.#machine = {
      platform,
      settings,
      spec,
      supervisor,
      clock,
      chance,
      log,
      blobs: () => this.#blobs(),
      bundlesLock: new OneAtATime(),
      disksLock: new OneAtATime(),
      swapCertificate,
      announceShutdown: () => this.#send(subjects.shutdown(settings.agentId), null),
      halt,
    };
  }

  /** Takes over what runs, listens, and sends the first heartbeat. */
  static async start(options: AgentOptions): Promise<Agent> {
    const { platform, clock, log } = options;
    const spec = await SpecStore.open(platform.paths.spec);
    // The agent comes after the supervisor that it hands alerts of; none is raised before `resume`.
    let agent: Agent | undefined = undefined as Agent | undefined;
    const supervisor = new Supervisor(platform.paths, {
      clock,
      log,
      host: platform.processes,
      alert: (alert) => agent?.alert(alert),
    });
    agent = new Agent(options, { spec, supervisor });
    await agent.#begin();
    return agent;
  }

  /** Stops answering and looking. Processes of jobs run on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#nextBeat?.cancel();
    this.#subscription?.unsubscribe();
    this.#tasks.cancelAll();
    this.#machine.supervisor.close();
    await this.#options.transport.close();
  }

  alert(alert: Parameters<typeof alertOf>[0]): void {
    const { clock, chance, settings } = this.#options;
    const message = alertOf(alert, { id: chance.uuid(), ips: settings.ips(), nowMs: clock.now() });
    this.#send(subjects.alert(settings.agentId), message);
  }

  async #begin(): Promise<void> {
    const { settings, transport, log } = this.#options;
    try {
      await this.#machine.supervisor.resume();
    } catch (thrown) {
      // Without its services it still answers, so that the director can put it right.
      log.error('services-not-resumed', { error: messageOf(thrown) });
    }
    this.#subscription = answerRequests({
      agentId: settings.agentId,
      transport,
      tasks: this.#tasks,
      log,
      knows: (method): method is AgentMethod =>
        method === 'get_task' || method === 'cancel_task' || Object.hasOwn(actions, method),
      run: (call) => this.#run(call),
    });
    await this.#beat();
  }

  async #run(call: Call): Promise<unknown> {
    this.#options.log.debug('action', { method: call.method });
    // Tasks are asked for in dispatch.ts; the table has all other methods.
    return actions[call.method as keyof typeof actions](this.#machine, call);
  }

  async #beat(): Promise<void> {
    const { settings, platform, clock, log } = this.#options;
    const spec = this.#machine.spec.current();
    try {
      this.#send(subjects.heartbeat(settings.agentId), {
        deployment: spec?.deployment ?? '',
        job: spec?.job?.name ?? null,
        index: spec?.index ?? null,
        job_state: this.#machine.supervisor.jobState(),
        vitals: await platform.vitals(),
        node_id: spec?.id ?? '',
        number_of_processes: this.#machine.supervisor.serviceCount,
      } satisfies Heartbeat);
    } catch (thrown) {
      log.warn('heartbeat-failed', { error: messageOf(thrown) });
    }
    if (!this.#closed) this.#nextBeat = clock.after(heartbeatEveryMs, () => void this.#beat());
  }

  #send(subject: string, message: unknown): void {
    try {
      this.#options.transport.publish(subject, Buffer.from(JSON.stringify(message)));
    } catch (thrown) {
      this.#options.log.warn('message-refused', { subject, error: messageOf(thrown) });
    }
  }

  /** Made anew each time: settings change, and there is nothing to keep. */
  #blobs(): Blobs {
    const { platform, settings } = this.#options;
    const io = blobsIo(platform.paths.temporary, this.#options);
    return withUploaded(blobsFromSettings(settings.blobstore(), io), platform.paths.uploadedBlobs, io);
  }
}
