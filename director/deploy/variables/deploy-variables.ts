import type { Clock } from '../../../common/clock.ts';
import type { YamlValue } from '../../../manifests/value.ts';
import type { ConfigServer, Credential } from '../../credentials/config-server.ts';
import {
  hasPlaceholders,
  notVersioned,
  VariableValues,
  variablesMissing,
  type SetId,
} from '../../plan/variable-values.ts';
import type { Store } from '../../store/store.ts';
import type { Pin } from '../../store/variable-sets.ts';
import type { TaskContext } from '../../tasks/task-context.ts';

export interface VariableDeps {
  configServer: ConfigServer;
  clock: Clock;
  settings: { directorName: string };
}

/**
 * new       a deploy: the versions in force are taken and pinned
 * rehearsed a dry run: they are taken, and nothing is recorded
 * kept      everything else: the versions of the last deploy that has succeeded
 */
export type SetKind = 'new' | 'rehearsed' | 'kept';

/** What reading needs of a task. */
export interface Reading {
  store: Pick<Store, 'variableSets'>;
  signal: AbortSignal;
}

/** Of a set that is never stored: ids begin at 1. */
const unrecorded = 0;

/** Something with placeholders, and the set that it was made with. */
export interface Former {
  value: YamlValue;
  set: SetId;
}

/**
 * The variables of one deployment in one task.
 *
 * INVARIANTS
 * - A version is pinned in the store before its value is used: a task that runs again uses the same.
 * - Names are asked for together: a query, or a round of calls, for all of a document, never one for each placeholder.
 */
export class DeployVariables {
  readonly deployment: string;
  readonly prefix: string;
  readonly kind: SetKind;
  readonly set: SetId;
  readonly values: VariableValues;
  readonly #server: ConfigServer;
  readonly #task: Reading;
  /** Of the own set: version by name. */
  readonly #pinned: Map<string, string>;
  /** Of the own set, what came with links: version by name, by the deployment that provides it. */
  readonly #provided = new Map<string, Map<string, string>>();

  private constructor(of: {
    deployment: string;
    prefix: string;
    kind: SetKind;
    set: SetId;
    server: ConfigServer;
    task: Reading;
    pins: readonly Pin[];
  }) {
    this.deployment = of.deployment;
    this.prefix = of.prefix;
    this.kind = of.kind;
    this.set = of.set;
    this.values = new VariableValues(of.prefix);
    this.#server = of.server;
    this.#task = of.task;
    for (const { provider, name, versionId } of of.pins)
      if (provider !== '') this.#noteProvided(provider, name, versionId);
    this.#pinned = new Map(
      of.pins.flatMap(({ name, provider, versionId }) => (provider === '' ? [[name, versionId]] : [])),
    );
  }

  /** The versions that the last deploy with success has used, also where no task is. */
  static async kept(
    deployment: string,
    { configServer: server, settings }: Pick<VariableDeps, 'configServer' | 'settings'>,
    reading: Reading,
  ): Promise<DeployVariables> {
    const { variableSets } = reading.store;
    const set = await variableSets.lastSuccessful(deployment);
    const pins = set === null ? [] : ((await variableSets.pins([set])).get(set) ?? []);
    const prefix = `/${settings.directorName}/${deployment}`;
    return new DeployVariables({ deployment, prefix, kind: 'kept', set, server, task: reading, pins });
  }

  static async begin(
    deployment: string,
    kind: 'new' | 'rehearsed',
    deps: VariableDeps,
    task: TaskContext,
  ): Promise<DeployVariables> {
    const { variableSets } = task.store;
    const prefix = `/${deps.settings.directorName}/${deployment}`;
    const of = { deployment, prefix, kind, server: deps.configServer, task };
    if (kind === 'rehearsed') return new DeployVariables({ ...of, set: unrecorded, pins: [] });
    const set = await variableSets.begin(deployment, task.task.id, deps.clock.now());
    return new DeployVariables({ ...of, set, pins: (await variableSets.pins([set])).get(set) ?? [] });
  }

  get server(): ConfigServer {
    return this.#server;
  }

  isPinned(name: string): boolean {
    return this.#pinned.has(name);
  }

  /** Has the values of these in the own set, as far as there are any. */
  async know(names: Iterable<string>): Promise<void> {
    const wanted = [...new Set(names)].filter((name) => !this.values.has(this.set, name));
    const pinned = wanted.flatMap((name) => this.#pinned.get(name) ?? []);
    const unpinned = wanted.filter((name) => !this.#pinned.has(name));
    const { signal } = this.#task;
    const [byId, current] = await Promise.all([
      pinned.length === 0 ? new Map<string, Credential>() : this.#server.byId(pinned, signal),
      unpinned.length === 0 || this.kind === 'kept'
        ? new Map<string, Credential>()
        : this.#server.current(unpinned, signal),
    ]);
    await this.pin([...current.values()]);
    for (const name of wanted) {
      const versionId = this.#pinned.get(name);
      const found = current.get(name) ?? (versionId === undefined ? undefined : byId.get(versionId));
      if (found !== undefined) this.values.add(this.set, name, found.value);
      else this.values.miss(this.set, name, this.#whyMissing(name));
    }
  }

  /** In the store first. */
  async pin(credentials: readonly Credential[]): Promise<void> {
    const fresh = credentials.filter(({ name }) => !this.#pinned.has(name));
    if (fresh.length === 0) return;
    const pins = fresh.map(({ name, id: versionId }) => ({ name, versionId, provider: '' }));
    if (this.kind === 'new' && this.set !== null) await this.#task.store.variableSets.pin(this.set, pins);
    for (const { name, versionId } of pins) this.#pinned.set(name, versionId);
    for (const { name, value } of fresh) this.values.add(this.set, name, value);
  }

  /**
   * Values of what the links of another deployment tell, at the versions that it was last deployed with; a deploy pins
   * them with its own.
   */
  async provided(provider: string, told: readonly YamlValue[]): Promise<VariableValues> {
    const values = new VariableValues(this.prefix.slice(0, this.prefix.lastIndexOf('/') + 1) + provider);
    const names = new Set(told.flatMap((value) => [...values.namesIn(value)]));
    if (names.size === 0) return values;
    const { variableSets } = this.#task.store;
    const known = this.#provided.get(provider) ?? new Map<string, string>();
    const last = this.kind === 'kept' ? null : await variableSets.lastSuccessful(provider);
    const theirs = last === null ? [] : ((await variableSets.pins([last])).get(last) ?? []);
    const fresh = theirs
      .filter((pin) => pin.provider === '' && names.has(pin.name) && !known.has(pin.name))
      .map(({ name, versionId }) => ({ name, versionId, provider }));
    if (this.kind === 'new' && this.set !== null) await variableSets.pin(this.set, fresh);
    for (const { name, versionId } of fresh) this.#noteProvided(provider, name, versionId);
    const versions = this.#provided.get(provider) ?? new Map<string, string>();
    const found = await this.#server.byId(
      [...names].flatMap((name) => versions.get(name) ?? []),
      this.#task.signal,
    );
    for (const name of names) {
      const credential = found.get(versions.get(name) ?? '');
      if (credential !== undefined) values.add(this.set, name, credential.value);
    }
    return values;
  }

  #noteProvided(provider: string, name: string, versionId: string): void {
    const versions = this.#provided.get(provider) ?? new Map<string, string>();
    this.#provided.set(provider, versions.set(name, versionId));
  }

  /** Has what others were made with. What can't be had any more is missing when it is filled in. */
  async knowFormer(former: readonly Former[]): Promise<void> {
    await knowSets(former, this.values, { server: this.#server, task: this.#task });
  }

  /**
   * The first of these sets that has all that the value asks for. Null: it asks for nothing.
   * @throws InvalidInput `variables-missing` when none has
   */
  async anySet(value: YamlValue, sets: readonly SetId[]): Promise<SetId> {
    if (!hasPlaceholders(value)) return this.set;
    await this.knowFormer(sets.map((set) => ({ value, set })));
    const faults = sets.map((set) => ({ set, faults: this.values.filled(value, set, '').faults }));
    const whole = faults.find((one) => one.faults.length === 0);
    if (whole !== undefined) return whole.set;
    throw variablesMissing(`deployment "${this.deployment}"`, faults.at(-1)?.faults ?? []);
  }

  #whyMissing(name: string): string {
    const id = this.#pinned.get(name);
    if (id !== undefined) {
      return `Failed to fetch variable '${name}' with id '${id}' from config server: it is not there any more`;
    }
    if (this.kind === 'kept') return notVersioned(name, this.prefix);
    return `Failed to find variable '${name}' from config server: there is none of this name`;
  }
}

/** For tasks that make nothing new: the values that rows were made with. */
export async function knowSets(
  former: readonly Former[],
  values: VariableValues,
  { server, task }: { server: ConfigServer; task: Reading },
): Promise<void> {
  const wanted = new Map<number, Set<string>>();
  for (const { value, set } of former) {
    if (set === null) continue;
    const names = wanted.get(set) ?? new Set<string>();
    for (const name of values.namesIn(value)) if (!values.has(set, name)) names.add(name);
    if (names.size > 0) wanted.set(set, names);
  }
  if (wanted.size === 0) return;
  const pins = [...(await task.store.variableSets.pins([...wanted.keys()]))].flatMap(([set, ofSet]) =>
    ofSet
      .filter(({ name, provider }) => provider === '' && wanted.get(set)?.has(name) === true)
      .map((pin) => ({ set, ...pin })),
  );
  const found = await server.byId([...new Set(pins.map(({ versionId }) => versionId))], task.signal);
  for (const { set, name, versionId } of pins) {
    const credential = found.get(versionId);
    if (credential !== undefined) values.add(set, name, credential.value);
  }
}
