import type { Chance } from '../common/chance.ts';
import type { Clock } from '../common/clock.ts';
import type { Log } from '../common/log.ts';
import type { Blobs } from './blobs.ts';
import type { MbusCertificate } from './nats-transport.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import type { Platform } from './platform/platform.ts';
import type { SettingsStore } from './settings-store.ts';
import type { SpecStore } from './spec-store.ts';
import type { Supervisor } from './supervise/supervisor.ts';

/** What actions work with. */
export interface Machine {
  platform: Platform;
  settings: SettingsStore;
  spec: SpecStore;
  supervisor: Supervisor;
  /** As the settings of this moment say. */
  blobs(): Blobs;
  clock: Clock;
  chance: Chance;
  log: Log;
  /**
   * A director that was killed asks again for what still runs here. What writes the same files must not do so at the
   * same time.
   */
  bundlesLock: OneAtATime;
  disksLock: OneAtATime;
  /** Goes over to another identity on the bus. @throws ActionFailed `bus-refused`; then nothing has changed */
  swapCertificate(certificate: MbusCertificate): Promise<void>;
  announceShutdown(): void;
  /** Powers the machine off, after the answer is on its way. */
  halt(): void;
}
