import type { Clock } from '../../../common/clock.ts';
import type { ProgramLine } from '../../../agent/supervise/monit-file.ts';
import type { Launched, LivingProcess, ProcessHost, Usage } from '../../../agent/supervise/process-host.ts';

interface FakeProcess {
  pid: number;
  startedAtMs: number;
  memoryKb: number;
}

/**
 * Processes that live in memory. A program's words tell what it does: `start <pidfile> <after ms>`,
 * `stop <pidfile> <after ms>`, `fail`. Strict: anything else cannot be launched.
 */
export class FakeProcesses implements ProcessHost {
  readonly launched: string[] = [];
  readonly #clock: Clock;
  readonly #byPidfile = new Map<string, FakeProcess>();
  #nextPid = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async living(pidfile: string): Promise<LivingProcess | undefined> {
    const found = this.#byPidfile.get(pidfile);
    if (found === undefined) return undefined;
    const uptimeS = (this.#clock.now() - found.startedAtMs) / 1000;
    return { pid: found.pid, startedTicks: found.startedAtMs, uptimeS };
  }

  async launch(service: string, { argv }: ProgramLine): Promise<Launched> {
    const [verb, pidfile = '', afterMs = '0'] = argv;
    this.launched.push(`${verb ?? ''} ${service}`);
    let killed = false;
    const later = (act: () => void) =>
      this.#clock.after(Number(afterMs), () => {
        if (!killed) act();
      });
    switch (verb) {
      case 'start':
        later(() => this.begin(pidfile));
        return { exited: Promise.resolve(0), kill: () => (killed = true) };
      case 'stop':
        later(() => this.end(pidfile));
        return { exited: Promise.resolve(0), kill: () => (killed = true) };
      case 'fail':
        return { exited: Promise.resolve(1), kill: () => {} };
      default:
        throw new Error(`no such program: ${argv.join(' ')}`);
    }
  }

  kill(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
    this.launched.push(signal);
    for (const [pidfile, found] of this.#byPidfile) {
      if (found.pid === pid && signal === 'SIGKILL') this.#byPidfile.delete(pidfile);
    }
  }

  async usage(pids: readonly number[]): Promise<Map<number, Usage>> {
    const known = [...this.#byPidfile.values()].filter(({ pid }) => pids.includes(pid));
    return new Map(known.map(({ pid, memoryKb }) => [pid, { memoryKb, memoryPercent: 1, cpuPercent: 2 }]));
  }

  begin(pidfile: string): void {
    this.#byPidfile.set(pidfile, { pid: this.#nextPid++, startedAtMs: this.#clock.now(), memoryKb: 1_000 });
  }

  end(pidfile: string): void {
    this.#byPidfile.delete(pidfile);
  }

  grow(pidfile: string, memoryKb: number): void {
    const found = this.#byPidfile.get(pidfile);
    if (found === undefined) throw new Error(`nothing lives at ${pidfile}`);
    found.memoryKb = memoryKb;
  }

  get alive(): string[] {
    return [...this.#byPidfile.keys()].sort();
  }
}
