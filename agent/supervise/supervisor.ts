import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Timer } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import { ActionFailed } from '../errors.ts';
import { orAbsent, writeWhole } from '../files.ts';
import type { JobState, ProcessState } from '../protocol.ts';
import { parseMonitFile } from './monit-file.ts';
import { cycleMs } from './rule-watch.ts';
import { Service, type ServiceIo } from './service.ts';

/**
 * Keeps the processes of all jobs running, in place of monit, from the monit files of the jobs.
 *
 * INVARIANTS
 * - the marker file `stopped` is on disk before the first stop program runs, and off it before the first start
 *   program: an agent that was killed in between goes on where it was meant to go;
 * - one look at a time: a look that takes longer than the interval delays the next one.
 *
 * Not as monit: services start side by side but for `depends on`; a service that is restarted does not restart
 * those that depend on it.
 */
export class Supervisor {
  readonly #io: ServiceIo;
  readonly #paths: { monitJobs: string; stopped: string };
  #services: Service[] = [];
  /** In no monit file any more, and not stopped yet. */
  readonly #leaving = new Set<Service>();
  #stopped = false;
  #timer: Timer | undefined;
  #rulesAtMs = 0;
  #looking = false;
  #closed = false;
  readonly #ignoredTold = new Set<string>();

  constructor(paths: { monitJobs: string; stopped: string }, io: ServiceIo) {
    this.#paths = paths;
    this.#io = io;
  }

  /** After a start of the agent: processes that live are taken over, those that should and don't are started. */
  async resume(): Promise<void> {
    this.#stopped = (await orAbsent(readFile(this.#paths.stopped))) !== undefined;
    await this.#load();
    if (!this.#stopped) for (const service of this.#services) service.start();
    this.#schedule();
  }

  /**
   * Starts what these monit files say (name -> content), in place of those before. Services that are in none of them
   * are stopped. Returns before anything runs: ask `jobState`.
   */
  async start(monitFiles: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, content] of monitFiles) parseMonitFile(content, name); // a bad one leaves all as it was
    await replaceFolder(this.#paths.monitJobs, monitFiles);
    await this.#load();
    await rm(this.#paths.stopped, { force: true });
    this.#stopped = false;
    for (const service of this.#services) service.start();
    this.#schedule();
  }

  /** Does no more about processes that end. For a drain, which ends some on purpose. */
  unmonitor(): void {
    for (const service of this.#services) service.unmonitor();
  }

  /** @throws ActionFailed `stop-timed-out` naming what still runs. May be repeated. */
  async stop(signal: AbortSignal): Promise<void> {
    await writeWhole(this.#paths.stopped, '');
    this.#stopped = true;
    for (const service of this.#services) service.stop();
    this.#schedule();
    const endMs = this.#io.clock.now() + stopWithinMs;
    for (;;) {
      const left = [...this.#services, ...this.#leaving].filter(({ state }) => state !== 'stopped');
      if (left.length === 0) return;
      if (this.#io.clock.now() >= endMs) throw stopTimedOut(left);
      await this.#io.clock.sleep(transitionPollMs, signal);
    }
  }

  /** Stops looking; processes are left as they are. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#closed = true;
  }

  jobState(): JobState {
    if (this.#stopped) return 'stopped';
    const states = this.#services.map(({ state }) => state);
    if (states.includes('starting')) return 'starting';
    return states.every((state) => state === 'running') ? 'running' : 'failing';
  }

  get serviceCount(): number {
    return this.#services.length;
  }

  async processes(): Promise<ProcessState[]> {
    const pids = this.#services.flatMap(({ process }) => (process === undefined ? [] : [process.pid]));
    const usages = await this.#io.host.usage(pids);
    return this.#services.map(({ name, state, process }) => {
      const usage = process === undefined ? undefined : usages.get(process.pid);
      return {
        name,
        state,
        uptime: { secs: Math.floor(process?.uptimeS ?? 0) },
        mem: { kb: usage?.memoryKb ?? 0, percent: usage?.memoryPercent ?? 0 },
        cpu: { total: usage?.cpuPercent ?? 0 },
      };
    });
  }

  /** A service whose definition is unchanged keeps its state. */
  async #load(): Promise<void> {
    const files = (await orAbsent(readdir(this.#paths.monitJobs))) ?? [];
    const before = new Map(this.#services.map((service) => [JSON.stringify(service.definition), service]));
    const services: Service[] = [];
    for (const file of files.filter((name) => name.endsWith('.monitrc')).sort()) {
      const parsed = parseMonitFile(await readFile(join(this.#paths.monitJobs, file), 'utf8'), file);
      for (const statement of parsed.ignored) this.#tellOnce(file, statement);
      for (const definition of parsed.services) {
        services.push(before.get(JSON.stringify(definition)) ?? new Service(definition, this.#io));
      }
    }
    checkDependencies(services);
    for (const old of this.#services) {
      if (services.includes(old) || old.state === 'stopped') continue;
      old.stop();
      this.#leaving.add(old);
    }
    this.#services = services;
  }

  #tellOnce(file: string, statement: string): void {
    const key = `${file}: ${statement}`;
    if (this.#ignoredTold.has(key) || this.#ignoredTold.size >= ignoredToldMax) return;
    this.#ignoredTold.add(key);
    this.#io.log.warn('monit-statement-ignored', { file, statement });
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    const fast = this.#services.some(({ inTransition }) => inTransition);
    this.#timer = this.#io.clock.after(fast ? transitionPollMs : pollMs, () => {
      this.#timer = undefined;
      if (this.#looking) return;
      this.#looking = true;
      void this.#look().finally(() => {
        this.#looking = false;
        this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const rulesDue = this.#io.clock.now() - this.#rulesAtMs >= cycleMs;
    if (rulesDue) this.#rulesAtMs = this.#io.clock.now();
    await Promise.all(
      [...this.#services, ...this.#leaving].map(async (service) => {
        try {
          await service.look(this.#isReady(service));
          if (rulesDue) await service.lookAtRules();
          if (service.state === 'stopped') this.#leaving.delete(service);
        } catch (thrown) {
          this.#io.log.error('service-look-failed', { service: service.name, error: messageOf(thrown) });
        }
      }),
    );
  }

  /** Starts after what it depends on, stops after what depends on it. */
  #isReady(service: Service): boolean {
    const stateOf = (name: string) => this.#services.find((other) => other.name === name)?.state;
    if (service.state === 'stopping') {
      return this.#services.every(
        (other) => !other.definition.dependsOn.includes(service.name) || other.state !== 'stopping',
      );
    }
    return service.definition.dependsOn.every((name) => stateOf(name) === 'running');
  }
}

async function replaceFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const [name, content] of files) await writeFile(join(fresh, name), content, { mode: 0o600 });
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
}

/** @throws ActionFailed `monit-dependency-unknown` | `monit-dependency-cycle`: those would wait for ever */
function checkDependencies(services: readonly Service[]): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  const walk = (service: Service, above: readonly string[]): void => {
    if (above.includes(service.name)) {
      throw new ActionFailed(`services depend on each other: ${[...above, service.name].join(' -> ')}`, {
        code: 'monit-dependency-cycle',
      });
    }
    for (const name of service.definition.dependsOn) {
      const dependency = byName.get(name);
      if (dependency !== undefined) {
        walk(dependency, [...above, service.name]);
        continue;
      }
      throw new ActionFailed(`service ${service.name} depends on ${name}, and no job has a service of that name`, {
        code: 'monit-dependency-unknown',
      });
    }
  };
  for (const service of services) walk(service, []);
}

function stopTimedOut(left: readonly Service[]): ActionFailed {
  const names = left.map(({ name, process }) => `${name}${process === undefined ? '' : ` (pid ${process.pid})`}`);
  return new ActionFailed(`still running after ${stopWithinMs / 60_000} minutes: ${names.join(', ')}`, {
    code: 'stop-timed-out',
    hint: 'Look into the logs of these services: their stop programs did not end them.',
    details: { services: left.map(({ name }) => name) },
  });
}

const pollMs = 1_000;
/** While something starts or stops: a deploy waits for it. */
const transitionPollMs = 200;
/** As BOSH's agent. */
const stopWithinMs = 300_000;
const ignoredToldMax = 1_000;
