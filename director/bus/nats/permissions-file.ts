import { execFile } from 'node:child_process';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock, Timer } from '../../../common/clock.ts';
import { messageOf, OperatorError } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { AgentPermit } from '../bus.ts';
import {
  directorIdentity,
  distinguishedNameOf,
  healthMonitorIdentity,
  permissionsOf,
  type Identity,
} from '../identity.ts';

export interface PermissionsFileOptions {
  /** Included by the configuration of nats-server (`include auth.json`). */
  file: string;
  reload: { pidFile: string } | { command: readonly [string, ...string[]] };
}

export interface PermissionsFileDeps {
  /** Who may speak, from the store. */
  agents: () => Promise<Iterable<AgentPermit>>;
  clock: Clock;
  log: Log;
}

/** As often as bosh-nats-sync: other directors and workers write to the store too. */
const syncEveryMs = 10_000;
/** What this process said of an agent counts until then, whatever the store says: it may not have been written yet. */
const ownWordCountsMs = 60_000;
const reloadMsMax = 10_000;
const fileMode = 0o640;

/**
 * Keeps nats-server's users in step with the store, as bosh-nats-sync does for BOSH. The file is written whole, and the
 * server told only when it has changed (and once at the start).
 *
 * INVARIANTS
 * - One write at a time; each call of sync() is served by a write that began after it.
 * - When the store cannot be read, the file is left alone: agents that were let in stay so.
 */
export class PermissionsFile {
  readonly #options: PermissionsFileOptions;
  readonly #deps: PermissionsFileDeps;
  readonly #ownWord = new Map<string, { permit: AgentPermit | 'revoked'; untilMs: number }>();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;
  /** At first, since a process before this one may have written and died; later, when a reload failed. */
  #reloadOwed = true;

  constructor(options: PermissionsFileOptions, deps: PermissionsFileDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Writes once, then again every 10 s. */
  async start(): Promise<void> {
    await this.sync();
    this.#schedule();
  }

  permit(permit: AgentPermit): Promise<void> {
    return this.#say(permit.agentId, permit);
  }

  revoke(agentId: string): Promise<void> {
    return this.#say(agentId, 'revoked');
  }

  /** @throws OperatorError `bus-permissions-not-written`; what the store throws */
  sync(): Promise<void> {
    this.#next ??= this.#afterTheCurrent();
    return this.#next;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing?.catch(() => {}); // its caller was told
  }

  #say(agentId: string, permit: AgentPermit | 'revoked'): Promise<void> {
    this.#ownWord.set(agentId, { permit, untilMs: this.#deps.clock.now() + ownWordCountsMs });
    return this.sync();
  }

  async #afterTheCurrent(): Promise<void> {
    await this.#writing?.catch(() => {}); // its caller was told
    this.#next = undefined;
    this.#writing = this.#write();
    await this.#writing;
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(syncEveryMs, () => {
      this.sync()
        .catch((error: unknown) => this.#deps.log.error('bus-permissions-stale', { error: messageOf(error) }))
        .finally(() => {
          if (!this.#closed) this.#schedule();
        });
    });
  }

  async #write(): Promise<void> {
    const agents = await this.#agents();
    const text = permissionsText(agents);
    const { file } = this.#options;
    try {
      if (await writeIfChanged(file, text)) {
        this.#reloadOwed = true;
        this.#deps.log.info('bus-permissions-written', { file, agents: agents.length });
      }
      if (!this.#reloadOwed) return;
      await this.#reload();
      this.#reloadOwed = false;
    } catch (cause) {
      throw notWritten(file, cause);
    }
  }

  /** The store's list, with what this process said lately over it. */
  async #agents(): Promise<AgentPermit[]> {
    const agents = new Map<string, AgentPermit>();
    for (const permit of await this.#deps.agents()) agents.set(permit.agentId, permit);
    for (const [agentId, { permit, untilMs }] of this.#ownWord) {
      if (untilMs < this.#deps.clock.now()) this.#ownWord.delete(agentId);
      else if (permit === 'revoked') agents.delete(agentId);
      else agents.set(agentId, permit);
    }
    // Sorted: the order in which a database answers must not look like a change.
    return [...agents.values()].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  }

  async #reload(): Promise<void> {
    const { reload } = this.#options;
    if ('pidFile' in reload) {
      process.kill(Number(await readFile(reload.pidFile, 'utf8')), 'SIGHUP');
      return;
    }
    const [command, ...args] = reload.command;
    await promisify(execFile)(command, args, { timeout: reloadMsMax });
  }
}

/** Whole or not at all: the server may read at any time. */
async function writeIfChanged(file: string, text: string): Promise<boolean> {
  const old = await readFile(file, 'utf8').catch(() => undefined); // not there yet
  if (old === text) return false;
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => fileMode,
  );
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
  return true;
}

/**
 * The file, as bosh-nats-sync writes it, but for one thing: nats-server takes its empty `publish` list of the health
 * monitor to mean everything, so that whoever has that certificate could command every agent.
 */
export function permissionsText(agents: Iterable<AgentPermit>): string {
  const identities = [directorIdentity, healthMonitorIdentity, ...[...agents].flatMap(identitiesOf)];
  return JSON.stringify({ authorization: { users: identities.map(userOf) } });
}

function userOf(identity: Identity) {
  const { publish, subscribe } = permissionsOf(identity);
  return {
    user: distinguishedNameOf(identity),
    permissions: { publish: publish.length === 0 ? { deny: ['>'] } : publish, subscribe },
  };
}

function identitiesOf({ agentId, bootstrap }: AgentPermit): Identity[] {
  const permanent: Identity = { kind: 'agent', agentId, bootstrap: false };
  return bootstrap ? [{ ...permanent, bootstrap: true }, permanent] : [permanent];
}

function notWritten(file: string, cause: unknown): OperatorError {
  return new OperatorError(`the permissions of nats-server could not be renewed (${file}): ${messageOf(cause)}`, {
    code: 'bus-permissions-not-written',
    retryable: true,
    hint: 'New agents cannot connect until this works. Check the file’s folder, and the pid file or the reload command.',
    details: { file },
    cause,
  });
}
