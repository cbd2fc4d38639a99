import { isDeepStrictEqual } from 'node:util';
import type { Chance } from '../../../common/chance.ts';
import type { Clock } from '../../../common/clock.ts';
import { jsonText } from '../../../manifests/json.ts';
import { isMap, type YamlMap, type YamlValue } from '../../../manifests/value.ts';
import type { CredentialFilter, CredentialSummary, SealedCredential } from '../../store/credentials.ts';
import type { Store } from '../../store/store.ts';
import type { ConfigServer, Credential, GenerationRequest } from '../config-server.ts';
import { generationFailed } from '../errors.ts';
import { certificateFacts } from '../certificate-facts.ts';
import type { Keyring } from './keyring.ts';
import { makeValue } from './make-value.ts';
import { seal, unseal } from './seal.ts';

/** What is encrypted of a version. */
interface Contents {
  value: YamlValue;
  /** What it was made with; null: somebody has set it. */
  parameters: YamlMap | null;
}

/** A version, opened. `value` as it is given out: with all CAs that are trusted. */
export interface StoredVersion extends Credential, Omit<CredentialSummary, 'id' | 'name'> {
  parameters: YamlMap | null;
}

export interface Setting {
  name: string;
  type: string;
  value: YamlValue;
  metadata?: Record<string, unknown> | null;
}

interface Options {
  metadata?: Record<string, unknown> | null;
  transitional?: boolean;
}

/**
 * Our own config server: values in the director's database, encrypted.
 *
 * INVARIANTS
 * - A version is never changed but for being transitional: whoever pinned its id reads the same for ever.
 * - Of two that make the first version of a name at once, both get the one that is there first.
 * - As long as a CA has a transitional version, `ca` of all that it signed has both, whichever of the two signed: so all
 *   trust each other while certificates are replaced one after the other.
 */
export class OwnConfigServer implements ConfigServer {
  readonly #store: Pick<Store, 'credentials'>;
  readonly #keyring: Keyring;
  readonly #clock: Clock;
  readonly #chance: Chance;

  constructor(of: { store: Pick<Store, 'credentials'>; keyring: Keyring; clock: Clock; chance: Chance }) {
    this.#store = of.store;
    this.#keyring = of.keyring;
    this.#clock = of.clock;
    this.#chance = of.chance;
  }

  async current(names: readonly string[]): Promise<Map<string, StoredVersion>> {
    const live = await this.#live(names);
    const inForce = [...live.values()].flatMap(([version]) => version ?? []);
    return new Map((await this.#presented(inForce)).map((version) => [version.name, version]));
  }

  async byId(ids: readonly string[]): Promise<Map<string, StoredVersion>> {
    const found = await this.#store.credentials.byId(ids);
    return new Map((await this.#presented([...found.values()])).map((version) => [version.id, version]));
  }

  async versions(name: string, max: number): Promise<StoredVersion[]> {
    return this.#presented(await this.#store.credentials.versions(name, max));
  }

  /** The version in force, and with it a transitional one: what CredHub calls current. */
  async live(name: string): Promise<StoredVersion[]> {
    return this.#presented((await this.#live([name])).get(name) ?? []);
  }

  list(filter: CredentialFilter): Promise<CredentialSummary[]> {
    return this.#store.credentials.list(filter);
  }

  async generate({ name, type, parameters, mode }: GenerationRequest): Promise<StoredVersion> {
    const [present] = await this.live(name);
    if (present !== undefined && mode !== 'overwrite') {
      if (mode === 'no-overwrite' || !(await this.#isOutdated(present, { type, parameters }))) return present;
    }
    const options = present === undefined && mode !== 'overwrite' ? { onlyFirst: true } : {};
    const made = await this.#make({ name, type, parameters });
    if (await this.#add(made, options)) return this.#read(made.id);
    return this.generate({ name, type, parameters, mode: 'no-overwrite' }); // another was faster
  }

  async set({ name, type, value, metadata = null }: Setting): Promise<StoredVersion> {
    const sealed = this.#sealed({ name, type, contents: { value, parameters: null } }, { metadata });
    await this.#add(sealed);
    return this.#read(sealed.id);
  }

  /**
   * A new version with the parameters of the one in force.
   * @returns undefined: there is none of this name
   * @throws OperatorError `variable-generation-failed` for one that was set by hand
   */
  async regenerate(
    name: string,
    { transitional = false }: { transitional?: boolean } = {},
  ): Promise<StoredVersion | undefined> {
    const [present] = await this.live(name);
    if (present === undefined) return undefined;
    const { type, parameters, metadata } = present;
    if (parameters === null)
      throw generationFailed(name, type, 'It was set, and not generated: there is nothing to go by.');
    const made = await this.#make({ name, type, parameters }, { metadata, transitional });
    await this.#store.credentials.add(made);
    if (transitional) await this.#store.credentials.setTransitional(name, made.id);
    return this.#read(made.id);
  }

  /** Every certificate whose version in force this CA has signed. @returns their names */
  async regenerateSignedBy(ca: string, max: number): Promise<string[]> {
    const signed = await this.#store.credentials.list({ signedBy: ca, limit: max });
    const names = signed.map(({ name }) => name).filter((name) => name !== ca);
    for (const name of names) await this.regenerate(name);
    return names;
  }

  /** @param id a version of the name; null: none is transitional any more */
  setTransitional(name: string, id: string | null): Promise<void> {
    return this.#store.credentials.setTransitional(name, id);
  }

  delete(name: string): Promise<boolean> {
    return this.#store.credentials.delete(name);
  }

  #live(names: readonly string[]): Promise<Map<string, SealedCredential[]>> {
    return this.#store.credentials.live([...new Set(names)]);
  }

  async #read(id: string): Promise<StoredVersion> {
    const version = (await this.byId([id])).get(id);
    if (version === undefined) throw new Error(`version ${id} of a variable was written and is gone`);
    return version;
  }

  /** Other parameters, or a CA that signs with another certificate by now. What was set by hand is never outdated. */
  async #isOutdated(present: StoredVersion, wanted: { type: string; parameters: YamlMap }): Promise<boolean> {
    if (present.parameters === null) return false;
    if (present.type !== wanted.type || !isDeepStrictEqual(plain(present.parameters), plain(wanted.parameters)))
      return true;
    if (present.signedBy === null) return false;
    const [signer] = (await this.#live([present.signedBy])).get(present.signedBy) ?? [];
    return signer !== undefined && signer.id !== present.signerVersion;
  }

  async #make(
    what: { name: string; type: string; parameters: YamlMap },
    options: Options = {},
  ): Promise<SealedCredential> {
    let signer: SealedCredential | undefined;
    const value = await makeValue({
      ...what,
      now: new Date(this.#clock.now()),
      authority: async (caName) => {
        signer = (await this.#live([caName])).get(caName)?.[0];
        return signer === undefined ? undefined : this.#open(signer).value;
      },
    });
    const { name, type, parameters } = what;
    const signing = signer === undefined ? {} : { signedBy: signer.name, signerVersion: signer.id };
    return this.#sealed({ name, type, contents: { value, parameters }, ...signing }, options);
  }

  #sealed(
    of: { name: string; type: string; contents: Contents; signedBy?: string; signerVersion?: string },
    { metadata = null, transitional = false }: Options,
  ): SealedCredential {
    const { name, type, contents, signedBy = null, signerVersion = null } = of;
    const id = this.#chance.uuid();
    return {
      id,
      name,
      type,
      ...seal(jsonText({ ...contents }), { name, id }, this.#keyring),
      metadata,
      transitional,
      signedBy,
      signerVersion,
      expiresAtMs: certificateFacts(contents.value)?.expiresAtMs ?? null,
      createdAtMs: this.#clock.now(),
    };
  }

  #open(version: SealedCredential): Contents {
    return JSON.parse(unseal(version, this.#keyring)) as Contents; // it was sealed from one
  }

  #add(version: SealedCredential, options: { onlyFirst?: boolean } = {}): Promise<boolean> {
    return this.#store.credentials.add(version, options);
  }

  /** Opened, and with all CAs in `ca`. Two queries, however many there are. */
  async #presented(versions: readonly SealedCredential[]): Promise<StoredVersion[]> {
    const authorities = versions.flatMap(({ name, signedBy, expiresAtMs }) =>
      expiresAtMs === null ? [] : [signedBy ?? name],
    );
    const live = authorities.length === 0 ? new Map<string, SealedCredential[]>() : await this.#live(authorities);
    return versions.map((version) => {
      const { sealed: _sealed, keyId: _keyId, ...summary } = version;
      const { value, parameters } = this.#open(version);
      const trusted = (live.get(version.signedBy ?? version.name) ?? []).map(
        (authority) => this.#open(authority).value,
      );
      return { ...summary, value: withAuthorities(value, trusted), parameters };
    });
  }
}

/** Only while one is transitional: then there are two. */
function withAuthorities(value: YamlValue, trusted: readonly YamlValue[]): YamlValue {
  if (!isMap(value) || typeof value['ca'] !== 'string' || trusted.length < 2) return value;
  const pems = trusted.flatMap((authority) =>
    isMap(authority) && typeof authority['certificate'] === 'string' ? [authority['certificate']] : [],
  );
  return { ...value, ca: [...new Set([value['ca'], ...pems])].join('') };
}

/** As it comes back from the store. */
function plain(parameters: YamlMap): unknown {
  return JSON.parse(jsonText(parameters));
}
