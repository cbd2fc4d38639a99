import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { ServiceDefinition } from './monit-file.ts';
import type { Launched, LivingProcess, ProcessHost } from './process-host.ts';
import { RuleWatch } from './rule-watch.ts';

/**
 * One supervised process.
 *
 * States, what is done in each, and what ends it:
 *   stopped      nothing                                          start() -> starting
 *   starting     waits for its dependencies, runs the start       seen alive twice -> running
 *                program, waits for a living process              not so within the timeout -> failing
 *   running      looks whether the process lives; rules           gone -> failing; a rule may say otherwise
 *   failing      waits, longer each time, then starts again       retry due -> starting (still told as failing)
 *   stopping     runs the stop program, waits until it is gone    gone -> stopped; not within the limit: keeps looking
 *   unmonitored  nothing: a drain, or a rule that gave up         start() -> starting; stop() -> stopping
 *
 * A service does nothing by itself: the supervisor calls `look` at each poll.
 */
export type ServiceState = 'stopped' | 'starting' | 'running' | 'failing' | 'stopping' | 'unmonitored';

export interface ServiceIo {
  clock: Clock;
  host: ProcessHost;
  log: Log;
  alert(alert: ServiceAlert): void;
}

export interface ServiceAlert {
  service: string;
  /** In monit's words, which the health monitor's severities go by. */
  event: 'does not exist' | 'execution failed' | 'resource limit matched' | 'timeout';
  action: 'restart' | 'alert' | 'stop' | 'unmonitor';
  description: string;
}

export class Service {
  readonly definition: ServiceDefinition;
  readonly #io: ServiceIo;
  readonly #rules: RuleWatch;
  #state: ServiceState = 'stopped';
  #process: LivingProcess | undefined;
  #starter: Launched | undefined;
  #stopper: { bySignal: boolean } | undefined;
  #launchedAtMs = 0;
  #runningSinceMs = 0;
  #retryAtMs = 0;
  /** Starts that failed, or lives that ended soon, in a row. */
  #failures = 0;
  /** Started again as soon as it is stopped. */
  #restarting = false;

  constructor(definition: ServiceDefinition, io: ServiceIo) {
    this.definition = definition;
    this.#io = io;
    this.#rules = new RuleWatch(definition.rules);
  }

  get name(): string {
    return this.definition.name;
  }

  /** A start that has failed before is told as failing until the process lives. */
  get state(): ServiceState {
    return this.#state === 'starting' && this.#failures > 0 ? 'failing' : this.#state;
  }

  get process(): LivingProcess | undefined {
    return this.#process;
  }

  /** Whether it changes by itself soon, so that looking often pays. */
  get inTransition(): boolean {
    return this.#state === 'starting' || this.#state === 'stopping';
  }

  /** A process that lives already is kept as it is. */
  start(): void {
    if (this.#state === 'running' || this.#state === 'starting') return;
    this.#failures = 0;
    this.#begin();
  }

  stop(): void {
    this.#restarting = false;
    if (this.#state === 'stopping') return;
    if (this.#state === 'starting') this.#starter?.kill(); // else its process may come up after we found none
    this.#state = 'stopping';
    this.#stopper = undefined;
  }

  unmonitor(): void {
    if (this.#state === 'stopped' || this.#state === 'stopping') return;
    this.#state = 'unmonitored';
  }

  /** @param ready whether what this one depends on (starting) or what depends on this one (stopping) is out of the way */
  async look(ready: boolean): Promise<void> {
    switch (this.#state) {
      case 'starting':
        return this.#lookStarting(ready);
      case 'running':
        return this.#lookRunning();
      case 'failing':
        if (this.#io.clock.now() >= this.#retryAtMs) this.#begin();
        return;
      case 'stopping':
        return this.#lookStopping(ready);
      case 'stopped':
      case 'unmonitored':
        return;
    }
  }

  /** Once per rule cycle. */
  async lookAtRules(): Promise<void> {
    if (this.#state !== 'running' || this.#process === undefined || !this.#rules.needsUsage) return;
    const usage = (await this.#io.host.usage([this.#process.pid])).get(this.#process.pid);
    if (usage === undefined) return;
    const due = this.#rules.memory(usage.memoryKb);
    if (due === undefined) return;
    const description = `memory of ${Math.round(usage.memoryKb)} kB is over the limit of ${due.overKb} kB`;
    this.#alert('resource limit matched', due.action, description);
    if (due.action === 'restart') this.#restart();
    if (due.action === 'stop') this.stop();
    if (due.action === 'unmonitor') this.#state = 'unmonitored';
  }

  #begin(): void {
    this.#state = 'starting';
    this.#starter = undefined;
    this.#process = undefined;
  }

  async #lookStarting(ready: boolean): Promise<void> {
    const { clock, host } = this.#io;
    const before = this.#process;
    this.#process = await host.living(this.definition.pidfile);
    if (this.#state !== 'starting') return; // stopped while we looked
    if (this.#process !== undefined) {
      // Seen twice: a process that falls over at once has not come up.
      if (!isSame(before, this.#process)) return;
      this.#state = 'running';
      this.#runningSinceMs = clock.now();
      this.#io.log.info('service-running', { service: this.name, pid: this.#process.pid });
      return;
    }
    if (this.#starter === undefined) {
      if (ready) await this.#launchStart();
      return;
    }
    const timeoutMs = this.definition.start?.timeoutMs ?? 0;
    if (clock.now() - this.#launchedAtMs < timeoutMs) return;
    this.#starter.kill();
    this.#failed('execution failed', `no process within ${timeoutMs / 1000} s of its start program's start`);
  }

  async #launchStart(): Promise<void> {
    const { start } = this.definition;
    if (start === undefined) return this.#failed('execution failed', 'it has no start program, and does not run');
    this.#launchedAtMs = this.#io.clock.now();
    this.#io.log.info('service-starting', { service: this.name });
    try {
      this.#starter = await this.#io.host.launch(this.name, start);
    } catch (thrown) {
      return this.#failed('execution failed', `its start program cannot be run: ${messageOf(thrown)}`);
    }
    const launched = this.#starter;
    if (this.#state !== 'starting') return launched.kill(); // stopped while we launched
    void launched.exited.then((code) => {
      // No need to wait for the timeout when the program itself says that it failed.
      const still = this.#starter === launched && this.#state === 'starting';
      if (still && code !== 0) this.#failed('execution failed', `its start program ended with ${code ?? 'a signal'}`);
    });
  }

  async #lookRunning(): Promise<void> {
    const now = await this.#io.host.living(this.definition.pidfile);
    if (this.#state !== 'running') return; // stopped while we looked
    this.#process = now ?? undefined;
    if (now === undefined) this.#failed('does not exist', 'the process is not running');
  }

  #failed(event: ServiceAlert['event'], description: string): void {
    const { clock, log } = this.#io;
    const livedMs = this.#state === 'running' ? clock.now() - this.#runningSinceMs : 0;
    this.#failures = livedMs >= healthyAfterMs ? 1 : this.#failures + 1;
    this.#process = undefined;
    this.#starter = undefined;
    log.warn('service-failing', { service: this.name, description, failures: this.#failures });
    const gaveUp = this.#rules.restarted(clock.now());
    if (gaveUp !== undefined) {
      this.#state = 'unmonitored';
      this.#alert('timeout', 'unmonitor', `${gaveUp.restarts} restarts within ${gaveUp.cycles} cycles: left alone`);
      return;
    }
    this.#state = 'failing';
    this.#retryAtMs = clock.now() + Math.min(retryMs * 2 ** (this.#failures - 1), retryMaxMs);
    // One alert for a row of failures: the mail of each retry would hide all others.
    if (this.#failures === 1) this.#alert(event, 'restart', description);
  }

  async #lookStopping(ready: boolean): Promise<void> {
    const { clock, host } = this.#io;
    this.#process = await host.living(this.definition.pidfile);
    if (this.#state !== 'stopping') return; // started while we looked
    if (this.#process === undefined) {
      this.#io.log.info('service-stopped', { service: this.name });
      this.#stopper = undefined;
      this.#failures = 0;
      this.#state = 'stopped';
      if (this.#restarting) this.#begin();
      this.#restarting = false;
      return;
    }
    if (this.#stopper === undefined) {
      if (!ready) return;
      this.#launchedAtMs = clock.now();
      this.#stopper = await this.#launchStop(this.#process.pid);
      return;
    }
    if (this.#stopper.bySignal && clock.now() - this.#launchedAtMs >= killAfterMs)
      host.kill(this.#process.pid, 'SIGKILL');
  }

  /** What monit cannot do: a service without a stop program, or whose program is gone, is ended by signals. */
  async #launchStop(pid: number): Promise<{ bySignal: boolean }> {
    const { stop } = this.definition;
    try {
      if (stop !== undefined) {
        await this.#io.host.launch(this.name, stop);
        return { bySignal: false };
      }
    } catch (thrown) {
      this.#io.log.error('service-stop-failed', { service: this.name, error: messageOf(thrown) });
    }
    this.#io.host.kill(pid, 'SIGTERM');
    return { bySignal: true };
  }

  #restart(): void {
    this.stop();
    this.#restarting = true;
  }

  #alert(event: ServiceAlert['event'], action: ServiceAlert['action'], description: string): void {
    this.#io.alert({ service: this.name, event, action, description });
  }
}

function isSame(a: LivingProcess | undefined, b: LivingProcess): boolean {
  return a !== undefined && a.pid === b.pid && a.startedTicks === b.startedTicks;
}

const retryMs = 1_000;
const retryMaxMs = 60_000;
/** A process that has run this long and dies is a new trouble, not the old one. */
const healthyAfterMs = 60_000;
const killAfterMs = 30_000;
