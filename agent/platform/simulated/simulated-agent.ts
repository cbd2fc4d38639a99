import { answerRequests, type Call } from '../../dispatch.ts';
import { ActionFailed } from '../../errors.ts';
import {
  subjects,
  type AgentAlert,
  type AgentSettings,
  type DiskHint,
  type ErrandResult,
  type Heartbeat,
  type JobState,
} from '../../protocol.ts';
import { AgentTasks } from '../../tasks.ts';
import type { Subscription, Transport } from '../../transport.ts';
import { Faults } from './faults.ts';
import type { Beating } from './heartbeat-wheel.ts';
import { Jobs, simulatedJobState, simulatedVitals, simulatedVitalsWithDisk } from './jobs.ts';
import { loadState, saveState, specOf, type MachineMemory, type MachineState } from './machine-state.ts';
import type { SimulatedHardware, SimulatedMachine, Simulation } from './machine.ts';
import { isSimulatedMethod, simulatedMethods } from './methods.ts';

export interface SimulatedMachineOptions {
  settings: AgentSettings;
  transport: Transport;
  /** Without: a reboot forgets everything. */
  memory?: MachineMemory;
  /** Without: a disk counts as attached when the director has told of it. */
  hardware?: SimulatedHardware;
  /** Called after the `shutdown` method has halted the machine. */
  onHalt?: () => void;
}

/**
 * A machine with an agent that runs nothing: it answers every method from what it remembers, checks what it is
 * asked more strictly than a real one, and goes wrong where its script says so. A product: rehearsal, tests and
 * figures run on it, ten thousand to a process.
 *
 * How it differs from a real machine:
 * - nothing is executed; every script succeeds, every process runs, every errand exits 0 and says so, unless scripted;
 * - its logs say that there are none, and nobody can log into the accounts that `ssh` makes;
 * - work takes no time, unless `faults.delay` says so;
 * - vitals never change; a process is named after its job;
 * - a disk holds a mark of each start of the jobs that it was the store of, and no other data;
 * - `compile_package` makes the same small archive for the same inputs;
 * - it refuses what a real agent lets pass: `start` without a spec, forgetting a mounted disk.
 */
export class SimulatedAgent implements Beating, SimulatedMachine {
  heartbeatSlot = 0;
  readonly agentId: string;
  readonly vmName: string;
  readonly ips: readonly string[];
  readonly simulation: Simulation;
  readonly hardware: SimulatedHardware | undefined;
  readonly #transport: Transport;
  readonly #memory: MachineMemory | undefined;
  readonly #settingsDisks: Record<string, DiskHint>;
  readonly #onHalt: (() => void) | undefined;
  #state: MachineState;
  #subscription: Subscription | undefined;
  #tasks: AgentTasks | undefined;
  #faults: Faults | undefined;
  #jobs: Jobs | undefined;
  #silent = false;

  constructor(simulation: Simulation, options: SimulatedMachineOptions) {
    const { settings } = options;
    this.simulation = simulation;
    this.agentId = settings.agent_id;
    this.vmName = settings.vm.name;
    this.ips = Object.values(settings.networks).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
    this.hardware = options.hardware;
    this.#transport = options.transport;
    this.#memory = options.memory;
    this.#onHalt = options.onHalt;
    this.#settingsDisks = settings.disks.persistent ?? noDisks;
    this.#state = loadState(this.#memory, this.#settingsDisks);
  }

  /** Boots: reads its memory, listens, and sends the first heartbeat. Up already: nothing. */
  start(): void {
    if (this.isUp) return;
    this.#state = loadState(this.#memory, this.#settingsDisks);
    const tasks = new AgentTasks(this.simulation.chance);
    this.#tasks = tasks;
    this.#subscription = answerRequests({
      agentId: this.agentId,
      transport: {
        // What an earlier boot had under way is not heard of in this one.
        publish: (subject, payload) => {
          if (this.#tasks === tasks) this.#publish(subject, payload);
        },
        subscribe: (subject, receive) => this.#transport.subscribe(subject, receive),
      },
      tasks,
      log: this.simulation.log,
      knows: isSimulatedMethod,
      run: (call) => this.#run(call),
    });
    if (this.#state.jobState === 'started') this.#jobs?.started(this.#state.jobs);
    this.beat();
    this.simulation.wheel.join(this);
  }

  /** Loses its power: answers nothing more and sends nothing more, until `start`. Its memory stays. */
  die(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#tasks?.cancelAll();
    this.#tasks = undefined;
    this.simulation.wheel.leave(this);
  }

  get isUp(): boolean {
    return this.#subscription !== undefined;
  }

  /** Runs on and does its work, but nothing of it is heard: a cut network, or an agent that hangs. */
  goSilent(): void {
    this.#silent = true;
  }

  speak(): void {
    this.#silent = false;
  }

  /** Makes methods fail, or take time. */
  get faults(): Faults {
    return (this.#faults ??= new Faults());
  }

  /** Makes processes and scripts fail, or take time to start. */
  get jobs(): Jobs {
    return (this.#jobs ??= new Jobs(this));
  }

  get state(): MachineState {
    return this.#state;
  }

  remember(): void {
    saveState(this.#memory, this.#state);
  }

  jobState(): JobState {
    if (this.#state.jobState === 'stopped') return 'stopped';
    const jobs = this.#jobs;
    if (this.#state.jobState === 'blank' || jobs === undefined) return 'running';
    return simulatedJobState(this.#state.jobs.map((job) => jobs.stateOf(job)));
  }

  processState(job: string): string {
    if (this.#state.jobState !== 'started') return 'stopped';
    return this.#jobs?.stateOf(job) ?? 'running';
  }

  failingScript(script: string): string[] {
    return this.#jobs?.failingScript(script, this.#state.jobs) ?? [];
  }

  errandEndOf(job: string): ErrandResult | undefined {
    return this.#jobs?.errandEndOf(job);
  }

  startJobs(): void {
    this.#state.jobState = 'started';
    const { store } = this.#state.mounts;
    if (store !== null) this.simulation.diskMarks.write(store);
    this.#jobs?.started(this.#state.jobs);
    this.remember();
  }

  stopJobs(): void {
    this.#state.jobState = 'stopped';
    this.#jobs?.stopped();
    this.remember();
  }

  beat(): void {
    const spec = specOf(this.#state);
    this.#send(subjects.heartbeat(this.agentId), {
      deployment: spec?.deployment ?? '',
      job: spec?.job?.name ?? null,
      index: spec?.index ?? null,
      job_state: this.jobState(),
      vitals: this.vitals(),
      node_id: spec?.id ?? '',
      number_of_processes: this.#state.jobState === 'blank' ? 0 : this.#state.jobs.length,
    } satisfies Heartbeat);
  }

  vitals(): Heartbeat['vitals'] {
    return this.#state.mounts.store === null ? simulatedVitals : simulatedVitalsWithDisk;
  }

  alert(service: string, event: string, action: string): void {
    const { chance, clock } = this.simulation;
    this.#send(subjects.alert(this.agentId), {
      id: chance.uuid(),
      severity: 1,
      title: `${service} (${[...this.ips].sort().join(', ')}) - ${event} - ${action}`,
      summary: 'process is not running',
      created_at: Math.floor(clock.now() / 1000),
    } satisfies AgentAlert);
  }

  announceShutdown(): void {
    this.#send(subjects.shutdown(this.agentId), null);
  }

  halt(): void {
    this.die();
    this.#onHalt?.();
  }

  /** The fault and the delay of the script, around the method. Without either it settles at once. */
  #run(call: Call): unknown {
    const faults = this.#faults;
    const work = () => simulatedMethods[call.method as keyof typeof simulatedMethods](this, call); // `knows` asked
    if (faults === undefined) return work();
    const fault = faults.take(call.method);
    const delayMs = faults.delayMs(call.method);
    if (fault === undefined && delayMs === 0) return work();
    return this.#runScripted(call, { fault, delayMs, work });
  }

  async #runScripted(
    call: Call,
    { fault, delayMs, work }: { fault: ReturnType<Faults['take']>; delayMs: number; work: () => unknown },
  ): Promise<unknown> {
    const sleep = delayMs > 0 ? this.simulation.clock.sleep(delayMs, call.signal) : undefined;
    const cut = await sleep?.then(
      () => false,
      () => true,
    );
    if (cut === true && call.method === 'run_errand') return cancelledErrand;
    call.signal.throwIfAborted();
    const fail = (message: string) => new ActionFailed(message, { code: 'fault-by-script' });
    if (fault?.moment === 'before') throw fail(fault.message);
    const value = await work();
    if (fault?.moment === 'after') throw fail(fault.message);
    if (fault?.moment === 'lost') return neverAnswered(call.signal);
    return value;
  }

  #send(subject: string, message: unknown): void {
    this.#publish(subject, Buffer.from(JSON.stringify(message)));
  }

  /** A machine that is down or silent is not heard; work that it had under way ends unheard. */
  #publish(subject: string, payload: Uint8Array): void {
    if (this.isUp && !this.#silent) this.#transport.publish(subject, payload);
  }
}

/** A cancelled errand has a result: the signal that ended it, as shells tell it. */
const cancelledErrand: ErrandResult = { stdout: '', stderr: '', exit_code: 143 };

const noDisks = {};

function neverAnswered(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}
