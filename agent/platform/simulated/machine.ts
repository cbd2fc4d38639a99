import type { Chance } from '../../../common/chance.ts';
import type { Clock } from '../../../common/clock.ts';
import { silentLog, type Log } from '../../../common/log.ts';
import type { Blobs } from '../../blobs.ts';
import type { ErrandResult, JobState, Vitals } from '../../protocol.ts';
import { DiskMarks } from './disk-marks.ts';
import { HeartbeatWheel } from './heartbeat-wheel.ts';
import type { MachineState } from './machine-state.ts';

/** What the simulated machines of one process share. */
export interface Simulation {
  clock: Clock;
  chance: Chance;
  log: Log;
  wheel: HeartbeatWheel;
  diskMarks: DiskMarks;
  /** Where compiled packages and logs go. Without: `compile_package` and `fetch_logs` are refused. */
  blobs: Blobs | undefined;
  /** True: every blob that a spec names is fetched and its digest checked, as a real machine would. Costs I/O. */
  fetchesBlobs: boolean;
}

export function createSimulation(options: {
  clock: Clock;
  chance: Chance;
  log?: Log;
  blobs?: Blobs;
  fetchesBlobs?: boolean;
}): Simulation {
  const { clock, chance, log = silentLog, blobs, fetchesBlobs = false } = options;
  return { clock, chance, log, blobs, fetchesBlobs, wheel: new HeartbeatWheel(clock), diskMarks: new DiskMarks() };
}

/** What the host of a simulated machine knows of its hardware. */
export interface SimulatedHardware {
  /** Whether the infrastructure has attached the disk. A mount of one that is not attached fails. */
  isAttached(diskCid: string): boolean;
}

/** A simulated machine as its methods see it. */
export interface SimulatedMachine {
  readonly simulation: Simulation;
  readonly hardware: SimulatedHardware | undefined;
  readonly agentId: string;
  readonly vmName: string;
  /** Of its networks, in their order. */
  readonly ips: readonly string[];
  readonly isUp: boolean;
  /** What it remembers. Only its methods change it, and they `remember` after. */
  readonly state: MachineState;
  remember(): void;
  startJobs(): void;
  stopJobs(): void;
  jobState(): JobState;
  processState(job: string): string;
  /** Jobs whose script of this name fails. */
  failingScript(script: string): string[];
  /** How its script says that an errand ends; undefined: it says nothing. */
  errandEndOf(job: string): ErrandResult | undefined;
  vitals(): Vitals;
  alert(service: string, event: string, action: string): void;
  announceShutdown(): void;
  halt(): void;
}
