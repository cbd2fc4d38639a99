import { Readable } from 'node:stream';
import type { Clock } from '../../common/clock.ts';
import { messageOf } from '../../common/errors.ts';
import type { AgentId } from '../../common/ids.ts';
import type { Log } from '../../common/log.ts';
import { SharedRuns } from '../../common/shared-runs.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Agents } from '../bus/agents.ts';
import { inParallel } from '../execute/in-parallel.ts';
import type { DnsBlob } from '../store/dns.ts';
import type { Store } from '../store/store.ts';
import { RecordsText } from './records-text.ts';
import { SilentAgents } from './silent-agents.ts';

export interface DnsSettings {
  /** False: records are kept, and no machine is told. */
  enabled: boolean;
  domain: string;
  /** Names with the index of an instance, too. */
  includeIndex: boolean;
  /** Of deployments that do not say it themselves. */
  useDnsAddresses: boolean;
}

export interface LocalDnsDeps {
  store: Store;
  blobs: Blobstore;
  agents: Agents;
  clock: Clock;
  log: Log;
}

/** How long whoever changed something waits until machines know of it. Those that do not answer are told later. BOSH: 10 s. */
const tellMsMax = 10_000;
/** How often those are told that missed it. BOSH: 10 s. */
const tellAgainMs = 10_000;
/** Each fetches the whole from the blobstore: of 10,000 instances some megabytes. */
const toldAtOnceMax = 100;
/** BOSH keeps ten, and all of the last hour. A director that replaces VMs by the thousand makes one a second. */
const blobsMax = 60;
/** A machine that was told of it may be fetching it. */
const fetchMsMax = 60_000;

/**
 * Tells machines each other's names and addresses: a file with all of them, in versions.
 *
 * INVARIANTS
 * - Who has changed a record and then asks for a version gets one that has it. Many who ask together share one: making
 *   it takes as long as there are instances.
 * - Versions grow, whatever director makes them, and a machine takes none that is older than its own. Two directors may
 *   make two at once, of which the higher may know less; the next round, ten seconds later, makes another one.
 */
export class LocalDns {
  readonly settings: DnsSettings;
  readonly #deps: LocalDnsDeps;
  readonly #publishing = new SharedRuns(() => this.#publish());
  readonly #telling = new SharedRuns(() => this.#tellAll());
  readonly #silent: SilentAgents;

  constructor(deps: LocalDnsDeps, settings: DnsSettings) {
    this.#deps = deps;
    this.settings = settings;
    this.#silent = new SilentAgents(deps.clock);
  }

  /** Every machine that does not have the newest version gets it; waits for ten seconds at most. */
  async tellAll(): Promise<void> {
    if (this.settings.enabled) await this.#telling.run();
  }

  /** One machine, before its jobs start: they look up names at once. */
  async tell(agentId: AgentId): Promise<void> {
    if (!this.settings.enabled) return;
    const blob = await this.#publishing.run();
    if (blob !== null) await this.#send(blob, [agentId]);
  }

  /** Machines that were away, or made by hand, are told as soon as they answer. */
  keepTold(): { stop: () => Promise<void> } {
    const { clock, log } = this.#deps;
    const stopping = new AbortController();
    const run = async () => {
      while (!stopping.signal.aborted) {
        await this.tellAll().catch((thrown: unknown) => log.warn('dns-not-told', { why: messageOf(thrown) }));
        await this.#deps.store.dns.forgetGoneAgents().catch(() => {}); // they are litter, and go next time
        await clock.sleep(tellAgainMs, stopping.signal).catch(() => {}); // aborted: it ends
      }
    };
    const running = this.settings.enabled ? run() : Promise.resolve();
    return {
      stop: () => {
        stopping.abort();
        return running;
      },
    };
  }

  /**
   * Deletes versions that nobody needs: older than `olderThanMs`, but never one of the `keep` newest.
   * @returns how many
   */
  async cleanUp({ olderThanMs, keep }: { olderThanMs: number; keep: number }): Promise<number> {
    const { store, blobs, clock } = this.#deps;
    const all = await store.dns.blobs();
    const before = clock.now() - olderThanMs;
    const old = all
      .slice(0, Math.max(0, all.length - Math.max(1, keep)))
      .filter(({ createdAtMs }) => createdAtMs < before);
    for (const { blobId } of old) await blobs.delete(blobId);
    await store.dns.forgetBlobs(old.map(({ version }) => version));
    return old.length;
  }

  async #publish(): Promise<DnsBlob | null> {
    const { store, blobs, clock } = this.#deps;
    const changes = await store.dns.changes();
    const newest = (await store.dns.newestBlob()) ?? null;
    if (changes === (newest?.changes ?? 0)) return newest;
    const text = new RecordsText(await store.dns.numbers(), this.settings);
    for (let after: number | null = 0; after !== null;) {
      const page = await store.dns.recordsAfter(after);
      text.add(page.records);
      after = page.next;
      await new Promise<void>((resolve) => setImmediate(resolve)); // SQLite answers without waiting for anything
    }
    const aliases = await store.dns.allAliases();
    const nowMs = clock.now();
    const version = await store.dns.nextVersion(changes, nowMs);
    const parts = text.parts(version, aliases, this.settings.domain).map((part) => Buffer.from(part));
    const { blobId, sha256 } = await blobs.put(Readable.from(parts));
    const digest = `sha256:${sha256}`;
    await store.dns.blobMade(version, { blobId, digest });
    await this.cleanUp({ olderThanMs: fetchMsMax, keep: blobsMax });
    return { version, blobId, digest, changes, createdAtMs: nowMs };
  }

  async #tellAll(): Promise<void> {
    const blob = await this.#publishing.run();
    if (blob === null) return;
    const behind = (await this.#deps.store.dns.agents()).filter(({ version }) => version < blob.version);
    await this.#send(
      blob,
      behind.map(({ agentId }) => agentId).filter((agentId) => !this.#silent.isSpared(agentId)),
    );
  }

  async #send(blob: DnsBlob, to: readonly AgentId[]): Promise<void> {
    const { store, agents, clock, log } = this.#deps;
    const untilMs = clock.now() + tellMsMax;
    const told: AgentId[] = [];
    await inParallel(to, toldAtOnceMax, async (agentId) => {
      const timeoutMs = untilMs - clock.now();
      if (timeoutMs <= 0) return; // the next round tells it
      try {
        await agents.call(agentId, 'sync_dns', [blob.blobId, blob.digest, blob.version], { timeoutMs });
        this.#silent.answered(agentId);
        told.push(agentId);
      } catch (thrown) {
        this.#silent.missed(agentId);
        log.debug('dns-agent-not-told', { agentId, version: blob.version, why: messageOf(thrown) });
      }
    });
    if (told.length > 0) await store.dns.agentsHave(blob.version, told);
  }
}
