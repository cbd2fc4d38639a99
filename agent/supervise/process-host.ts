import type { ProgramLine } from './monit-file.ts';

/** Processes, as the supervisor needs them. On Linux: platform/linux/processes.ts. */
export interface ProcessHost {
  /** The process that a pidfile names, when it lives. A zombie doesn't. */
  living(pidfile: string): Promise<LivingProcess | undefined>;

  /**
   * Starts a program in the background. Its output goes to a log file of the service.
   * @throws OperatorError when it cannot be started at all
   */
  launch(service: string, program: ProgramLine): Promise<Launched>;

  kill(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;

  /** Memory and processor of processes with all their descendants. */
  usage(pids: readonly number[]): Promise<Map<number, Usage>>;
}

export interface LivingProcess {
  pid: number;
  /** Tells two processes apart that got the same pid. */
  startedTicks: number;
  uptimeS: number;
}

export interface Launched {
  /** Null: ended by a signal. */
  exited: Promise<number | null>;
  /** Ends the program itself and what it started in its process group. */
  kill(): void;
}

export interface Usage {
  memoryKb: number;
  memoryPercent: number;
  cpuPercent: number;
}
