import type { AgentPaths } from '../paths.ts';
import type { DiskHint, Vitals } from '../protocol.ts';
import type { ProcessHost } from '../supervise/process-host.ts';
import type { Run } from './run.ts';

/** The machine under an agent: everything that differs between kinds of machines. */
export interface Platform {
  paths: AgentPaths;
  run: Run;
  processes: ProcessHost;
  disks: Disks;
  /** What jobs, scripts and packaging find in PATH. */
  searchPath: string;
  vitals(): Promise<Vitals>;
  /** Makes the folders of the layout that are missing; after a reboot, empties sys/run. */
  prepare(): Promise<void>;
  /** Gives what jobs own to them, on a machine that has the group vcap and an agent that may. */
  giveToJobs(path: string): Promise<void>;
  /**
   * @param ip where people log in
   * @throws ActionFailed `ssh-unsupported`, here or when it is used, where there are no accounts of this machine's own
   */
  users(ip: string | undefined): Users;
  forgetNeighbours(ips: readonly string[]): Promise<void>;
  /** Makes programs on this machine trust these authorities (PEM), and no others that were given here before. */
  trust(certificates: string): Promise<void>;
}

export interface Disks {
  /** Mounts at this path; mounted there already: nothing. @throws ActionFailed `disk-refused` */
  mount(hint: DiskHint, at: string): Promise<void>;
  /** @returns false when it was not mounted */
  unmount(hint: DiskHint, from: readonly string[]): Promise<boolean>;
  /** Where it is mounted, of these paths. */
  mountedAt(hint: DiskHint, paths: readonly string[]): Promise<string | undefined>;
  /** The path of its device or folder. Undefined: it has not appeared. */
  locate(hint: DiskHint): Promise<string | undefined>;
  /** Copies everything, with owners, modes and links. */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>;
}

export interface Users {
  /** An account with this key, in the groups that BOSH's ssh users are in. There already: its key is replaced. */
  create(user: string, publicKey: string): Promise<void>;
  removeMatching(pattern: RegExp): Promise<void>;
  hostPublicKey(): Promise<string>;
}
