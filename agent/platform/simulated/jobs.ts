import type { ErrandResult, JobState, ProcessState, Vitals } from '../../protocol.ts';
import type { SimulatedMachine } from './machine.ts';

/**
 * The jobs of one simulated machine and what its script says of them. Made when a job first does anything but run.
 *
 * Per job, while the machine's jobs are started:
 *   running   as long as nothing is scripted
 *   starting  for `startsIn` after each start
 *   failing   after `failNow`, `failsAfterStart`, or from each start on with `neverComesUp`; until `heal`, or the
 *             next start in the case of `failNow`
 */
export class Jobs {
  readonly #machine: SimulatedMachine;
  readonly #scripts = new Map<string, JobScript>();
  readonly #failing = new Set<string>();
  readonly #starting = new Set<string>();
  readonly #failingScripts = new Map<string, string | undefined>();
  readonly #errandEnds = new Map<string, ErrandResult>();
  /** Counts starts and stops: what was due after an earlier one no longer happens. */
  #incarnation = 0;

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
  }

  /** From now on each start takes this long. */
  startsIn(ms: number, job?: string): void {
    this.#script({ startsInMs: ms }, job);
  }

  /** From now on the process dies this long after each start, for good, and an alert is sent. */
  failsAfterStart(ms: number, job?: string): void {
    this.#script({ failsAfterMs: ms }, job);
  }

  neverComesUp(job?: string): void {
    this.#script({ neverComesUp: true }, job);
  }

  /** The process dies now and is not started again by itself. */
  failNow(job: string): void {
    this.#failing.add(job);
    this.#machine.alert(job, 'does not exist', 'restart');
  }

  /** The script of that name (`pre-start`, `drain` ...) fails from now on, of one job or of all. */
  failScript(script: string, job?: string): void {
    this.#failingScripts.set(script, job);
  }

  /** From now on the errand ends like this, of one job or of all. */
  errandEnds({ exitCode, stdout = '', stderr = '' }: ErrandEnd, job: string = everyJob): void {
    this.#errandEnds.set(job, { stdout, stderr, exit_code: exitCode });
  }

  /** Undefined: as ever. */
  errandEndOf(job: string): ErrandResult | undefined {
    return this.#errandEnds.get(job) ?? this.#errandEnds.get(everyJob);
  }

  /** Forgets all that was scripted; what fails runs again. */
  heal(): void {
    this.#scripts.clear();
    this.#failing.clear();
    this.#starting.clear();
    this.#failingScripts.clear();
    this.#errandEnds.clear();
  }

  /** Of these jobs, those whose script fails. */
  failingScript(script: string, jobs: readonly string[]): string[] {
    if (!this.#failingScripts.has(script)) return [];
    const job = this.#failingScripts.get(script);
    return jobs.filter((name) => job === undefined || name === job);
  }

  started(jobs: readonly string[]): void {
    this.#incarnation++;
    this.#failing.clear();
    this.#starting.clear();
    for (const job of jobs) this.#startOne(job, this.#incarnation);
  }

  stopped(): void {
    this.#incarnation++;
    this.#starting.clear();
  }

  stateOf(job: string): 'running' | 'failing' | 'starting' {
    if (this.#failing.has(job)) return 'failing';
    return this.#starting.has(job) ? 'starting' : 'running';
  }

  #startOne(job: string, incarnation: number): void {
    const script = this.#scripts.get(job) ?? this.#scripts.get(everyJob);
    if (script === undefined) return;
    const later = (ms: number, act: () => void) =>
      this.#machine.simulation.clock.after(ms, () => {
        if (this.#incarnation === incarnation && this.#machine.isUp) act();
      });
    if (script.neverComesUp === true) this.#failing.add(job);
    if (script.startsInMs !== undefined) {
      this.#starting.add(job);
      later(script.startsInMs, () => this.#starting.delete(job));
    }
    if (script.failsAfterMs !== undefined) later(script.failsAfterMs, () => this.failNow(job));
  }

  #script(change: JobScript, job: string = everyJob): void {
    this.#scripts.set(job, { ...this.#scripts.get(job), ...change });
  }
}

export interface ErrandEnd {
  exitCode: number;
  stdout?: string;
  stderr?: string;
}

interface JobScript {
  startsInMs?: number;
  failsAfterMs?: number;
  neverComesUp?: boolean;
}

const everyJob = '*';

export function simulatedJobState(states: ReadonlyArray<'running' | 'failing' | 'starting'>): JobState {
  if (states.includes('starting')) return 'starting';
  return states.includes('failing') ? 'failing' : 'running';
}

export function simulatedProcess(name: string, state: string): ProcessState {
  return { name, state, uptime: { secs: 3600 }, mem: { kb: 20_480, percent: 0.5 }, cpu: { total: 0.1 } };
}

/** An idle machine of no particular size; the same for all, so that heartbeats cost no memory. */
export const simulatedVitals: Vitals = {
  cpu: { sys: '0.1', user: '0.5', wait: '0.0' },
  disk: {
    system: { percent: '40', inode_percent: '30' },
    ephemeral: { percent: '5', inode_percent: '1' },
  },
  load: ['0.05', '0.03', '0.01'],
  mem: { kb: '512000', percent: '12' },
  swap: { kb: '0', percent: '0' },
  uptime: { secs: 3600 },
};

export const simulatedVitalsWithDisk: Vitals = {
  ...simulatedVitals,
  disk: { ...simulatedVitals.disk, persistent: { percent: '10', inode_percent: '1' } },
};
