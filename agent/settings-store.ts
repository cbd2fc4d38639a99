import { ActionFailed } from './errors.ts';
import { readIfThere, writeWhole } from './files.ts';
import type { MbusCertificate } from './nats-transport.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentSettings, BlobstoreSettings, DiskHint, NetworkSettings } from './protocol.ts';
import { isRecord, textAt, textsAt, valueAt } from './shape.ts';

/** What the director changed of the settings since, by `update_settings`. */
interface Updates {
  certificate?: MbusCertificate;
  blobstore?: BlobstoreSettings;
}

/**
 * What the CPI gave this machine, and what the director has told it since. The latter is kept in files of bosh/, which
 * hold keys and are the agent's alone.
 */
export class SettingsStore {
  readonly given: AgentSettings;
  readonly #paths: AgentPaths;
  #updates: Updates;
  #hints: Record<string, DiskHint>;

  private constructor(
    given: AgentSettings,
    paths: AgentPaths,
    kept: { updates: Updates; hints: Record<string, DiskHint> },
  ) {
    this.given = given;
    this.#paths = paths;
    this.#updates = kept.updates;
    this.#hints = kept.hints;
  }

  static async open(given: AgentSettings, paths: AgentPaths): Promise<SettingsStore> {
    const updates = (await readJson(paths.updatedSettings)) as Updates; // written by this class alone
    const hints = (await readJson(paths.diskHints)) as Record<string, DiskHint>; // as above
    return new SettingsStore(given, paths, { updates, hints });
  }

  get agentId(): string {
    return this.given.agent_id;
  }

  /** Addresses of the bus. */
  servers(): string[] {
    const several = textsAt(this.given.env, 'bosh', 'mbus', 'urls');
    return several.length > 0 ? several : [this.given.mbus];
  }

  certificate(): MbusCertificate | undefined {
    return this.#updates.certificate ?? parseCertificate(valueAt(this.given.env, 'bosh', 'mbus', 'cert'));
  }

  async replaceCertificate(certificate: MbusCertificate): Promise<void> {
    await this.#update({ certificate });
  }

  blobstore(): BlobstoreSettings {
    const inEnv = valueAt(this.given.env, 'bosh', 'blobstores');
    return this.#updates.blobstore ?? parseBlobstores(inEnv) ?? this.given.blobstore;
  }

  async replaceBlobstore(blobstore: BlobstoreSettings): Promise<void> {
    await this.#update({ blobstore });
  }

  /** @throws ActionFailed `disk-unknown` */
  diskHint(cid: string): DiskHint {
    const hint = this.#hints[cid] ?? this.given.disks.persistent?.[cid];
    if (hint !== undefined) return hint;
    throw new ActionFailed(`disk "${cid}" is unknown to this machine`, {
      code: 'disk-unknown',
      hint: 'Neither its settings nor add_persistent_disk told of it.',
      details: { diskCid: cid },
    });
  }

  diskHints(): Map<string, DiskHint> {
    return new Map(Object.entries({ ...this.given.disks.persistent, ...this.#hints }));
  }

  async addDiskHint(cid: string, hint: DiskHint): Promise<void> {
    await this.#replaceHints({ ...this.#hints, [cid]: hint });
  }

  async removeDiskHint(cid: string): Promise<void> {
    const { [cid]: _removed, ...left } = this.#hints;
    await this.#replaceHints(left);
  }

  /** The address that others reach this machine by: of the network with the default gateway, or else of the first. */
  defaultNetwork(): NetworkSettings | undefined {
    const networks = Object.values(this.given.networks);
    return networks.find((network) => network.default?.includes('gateway') === true) ?? networks[0];
  }

  ips(): string[] {
    return Object.values(this.given.networks)
      .flatMap(({ ip }) => (ip === undefined || ip === '' ? [] : [ip]))
      .sort();
  }

  async #update(change: Updates): Promise<void> {
    const updates = { ...this.#updates, ...change };
    await writeWhole(this.#paths.updatedSettings, JSON.stringify(updates), 0o600);
    this.#updates = updates;
  }

  async #replaceHints(hints: Record<string, DiskHint>): Promise<void> {
    await writeWhole(this.#paths.diskHints, JSON.stringify(hints), 0o600);
    this.#hints = hints;
  }
}

/** Undefined: not all of it is there. */
export function parseCertificate(value: unknown): MbusCertificate | undefined {
  const ca = textAt(value, 'ca');
  const certificate = textAt(value, 'certificate');
  const key = textAt(value, 'private_key');
  if (ca === undefined || certificate === undefined || key === undefined) return undefined;
  return { ca, certificate, private_key: key };
}

/** The first counts, as in BOSH. */
export function parseBlobstores(value: unknown): BlobstoreSettings | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  const provider = textAt(first, 'provider');
  if (provider === undefined) return undefined;
  const options = valueAt(first, 'options');
  return { provider, options: isRecord(options) ? options : {} };
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readIfThere(path);
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  if (!isRecord(value)) throw new Error(`${path} holds no object`);
  return value;
}
