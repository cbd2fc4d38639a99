import { id, type AgentId } from '../../../common/ids.ts';
import type { AgentState, NetworkSettings, PackageRef } from '../../../agent/protocol.ts';
import { activeVm, unfinishedVm, type ActualInstance } from '../../../director/plan/actual.ts';
import { vmShape, type WantedInstance } from '../../../director/plan/changes.ts';
import { baseSpec, jobSpec, stemcellFor } from '../../../director/plan/instance-spec.ts';
import type { Step } from '../../../director/plan/step.ts';
import type { Instance, PersistentDisk } from '../../../director/store/instances.ts';
import { anyNumbers } from './numbers.ts';

type Do<K extends Step['kind']> = (step: Extract<Step, { kind: K }>, wanted: WantedInstance | null) => void;

/** One instance of the model that perform.ts carries plans out on. */
export class Machine {
  readonly instance: Instance;
  readonly orphaned: string[] = [];
  #agent: ActualInstance['agent'];
  /** By disk key: the agent of the VM that it is attached to. */
  readonly #attached = new Map<string, AgentId>();
  #faults: string[] = [];

  private constructor({ instance, agent }: ActualInstance) {
    this.instance = structuredClone(instance);
    this.#agent = structuredClone(agent);
    const vm = activeVm(instance);
    if (vm !== null) for (const disk of serving(instance)) this.#attached.set(disk.key, vm.agentId);
  }

  static of(actual: ActualInstance): Machine {
    return new Machine(actual);
  }

  actual(): ActualInstance {
    const mounted = serving(this.instance).flatMap(({ cid, name }) => (cid === null || name !== '' ? [] : [cid]));
    if (this.#agent.kind !== 'answered') return { instance: this.instance, agent: this.#agent };
    return { instance: this.instance, agent: { ...this.#agent, mountedDisks: mounted.length === 0 ? null : mounted } };
  }

  /** Of every VM that exists, or may. */
  addressesInUse(): string[] {
    return this.instance.vms.flatMap(({ networks }) =>
      Object.values(networks as Record<string, NetworkSettings>).flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    );
  }

  step(step: Step, wanted: WantedInstance | null): string[] {
    this.#faults = [];
    // The table has an entry for each kind, which takes just that kind.
    (this.#effects[step.kind] as (step: Step, wanted: WantedInstance | null) => void)(step, wanted);
    return this.#faults;
  }

  readonly #effects: { [K in Step['kind']]: Do<K> } = {
    'create-vm': (_step, wanted) => this.#createVm(known(wanted)),
    'await-vm': () => this.#awaitVm(),
    'delete-vm': ({ agentId }) => this.#deleteVm(agentId),
    'attach-disks': () => {
      const vm = activeVm(this.instance);
      if (vm === null) return this.#fault('there is no VM');
      for (const { key } of serving(this.instance)) this.#attached.set(key, vm.agentId);
    },
    'detach-disks': () => {
      this.#state();
      for (const { key } of serving(this.instance)) this.#attached.delete(key);
    },
    'change-disk': (step) => this.#changeDisk(step),
    'update-settings': () => void this.#state(),
    introduce: () => void this.#state(),
    'record-names': () => {},
    prepare: () => void this.#state(),
    stop: () => {
      const state = this.#state();
      if (state !== null) state.job_state = 'stopped';
    },
    apply: (_step, wanted) => this.#apply(known(wanted)),
    start: () => {
      const state = this.#state();
      if (state === null) return;
      if (state.job === undefined) this.#fault('nothing was applied');
      state.job_state = 'running';
    },
    snapshot: () => {
      if (this.#state()?.job_state === 'running') this.#fault('its jobs run');
    },
    'release-addresses': ({ addresses }) => {
      const used = new Set(this.addressesInUse());
      for (const address of addresses) if (used.has(address)) this.#fault(`${address} is in use by its own VM`);
      this.instance.ips = this.instance.ips.filter(({ address }) => !addresses.includes(address));
    },
    'set-metadata': (_step, wanted) => {
      this.instance.spec = { ...this.instance.spec, tags: known(wanted).tags };
    },
    finish: ({ state }) => this.#finish(state),
    'delete-instance': () => {
      if (this.instance.vms.length > 0) this.#fault('it still has a VM');
      for (const disk of this.instance.disks) this.#orphan(disk);
    },
  };

  #createVm(wanted: WantedInstance): void {
    if (activeVm(this.instance) !== null) this.#fault('the former VM still serves');
    const { stemcell: _stemcell, ...shape } = vmShape(wanted);
    const stemcell = stemcellFor(wanted.deployment, wanted.group, wanted.layout.az);
    this.instance.vms.push({
      agentId: id(`${this.instance.id}-agent-${this.#nextNumber()}`),
      cid: null,
      instanceId: this.instance.id,
      state: 'creating',
      active: false,
      cpi: '',
      stemcell: { name: stemcell.name, version: stemcell.version, cid: stemcell.cid, apiVersion: stemcell.apiVersion },
      cloudProperties: shape.cloudProperties,
      networks: shape.networks,
      env: shape.env,
      permanentCredentials: true,
      createdAtMs: 0,
      problem: null,
    });
  }

  #made = 0;
  #nextNumber(): number {
    return ++this.#made;
  }

  #awaitVm(): void {
    const vm = unfinishedVm(this.instance);
    if (vm === null) return this.#fault('no VM is being made');
    Object.assign(vm, { cid: id(`vm-of-${vm.agentId}`), state: 'live', active: true });
    const networks = structuredClone(vm.networks) as Record<string, NetworkSettings>;
    // The infrastructure of the model gives every instance an address of its own.
    for (const settings of Object.values(networks))
      if (settings.type === 'dynamic') settings.ip = dynamicIp(vm.agentId);
    const state: AgentState = { agent_id: vm.agentId, job_state: 'unknown', vm: { name: vm.agentId }, networks };
    this.#agent = { kind: 'answered', state, mountedDisks: null };
  }

  #deleteVm(agentId: AgentId): void {
    const vm = this.instance.vms.find((candidate) => candidate.agentId === agentId);
    if (vm === undefined) return this.#fault(`there is no VM of agent ${agentId}`);
    for (const [key, holder] of this.#attached) {
      if (holder !== agentId) continue;
      if (this.#agent.kind === 'answered') this.#fault('a disk is still on the VM');
      this.#attached.delete(key);
    }
    const wasActive = vm.active;
    if (wasActive && this.#agent.kind === 'answered' && this.#agent.state.job_state === 'running') {
      this.#fault('its jobs still run');
    }
    this.instance.vms = this.instance.vms.filter((candidate) => candidate !== vm);
    if (wasActive) this.#agent = { kind: 'none' };
  }

  #changeDisk({ name, from, to, inPlace }: Extract<Step, { kind: 'change-disk' }>): void {
    const vm = activeVm(this.instance);
    if (vm === null) return this.#fault('there is no VM');
    const state = this.#state();
    if (state?.job_state === 'running') this.#fault('its jobs run');
    const former = this.instance.disks.find(({ key }) => key === from);
    if (former !== undefined && this.#attached.get(former.key) !== vm.agentId)
      this.#fault('the old disk is not on the VM');
    if (former !== undefined && to !== null && inPlace !== null) {
      Object.assign(former, { sizeMib: to.sizeMib, cloudProperties: to.cloudProperties });
      return;
    }
    if (to !== null) {
      const key = `${this.instance.id}-disk-${this.#nextNumber()}`;
      const disk = { key, cid: id<NonNullable<PersistentDisk['cid']>>(key), instanceId: this.instance.id, cpi: '' };
      const { sizeMib, cloudProperties } = to;
      this.instance.disks.push({ ...disk, state: 'live', active: true, sizeMib, cloudProperties, name });
      this.#attached.set(key, vm.agentId);
    }
    if (former !== undefined) this.#orphan(former);
  }

  #orphan(disk: PersistentDisk): void {
    this.#attached.delete(disk.key);
    this.instance.disks = this.instance.disks.filter((other) => other !== disk);
    this.orphaned.push(`disk of ${disk.sizeMib} MiB of ${this.instance.group}/${this.instance.id}`);
  }

  #apply(wanted: WantedInstance): void {
    const state = this.#state();
    if (state === null) return;
    if (state.job_state === 'running') this.#fault('its jobs run');
    const networks = { ...wanted.networks, ...dynamicOf(state) };
    const packages = wanted.packages as Record<string, PackageRef>; // the test catalog compiles all
    this.instance.spec = {
      ...baseSpec({
        wanted: wanted.deployment,
        group: wanted.group,
        instance: wanted.layout,
        networks,
        packages,
        numbers: anyNumbers(),
      }),
      configuration_hash: wanted.rendered.configurationHash,
      template_hashes: wanted.rendered.templateHashes,
    };
    const job = jobSpec(wanted.group);
    Object.assign(state, { packages, networks, ...(job === null ? {} : { job }) });
  }

  #finish(state: Instance['state']): void {
    const running = this.#agent.kind === 'answered' && this.#agent.state.job_state === 'running';
    if (state === 'started' && !running) this.#fault('started, and its jobs do not run');
    if (state === 'stopped' && running) this.#fault('stopped, and its jobs run');
    if (state === 'detached' && activeVm(this.instance) !== null) this.#fault('detached, and it has a VM');
    Object.assign(this.instance, { state, updateCompleted: true });
  }

  /** Of an agent that must be there to do what the step asks. */
  #state(): AgentState | null {
    if (this.#agent.kind === 'answered') return this.#agent.state;
    this.#fault('its agent cannot be asked');
    return null;
  }

  #fault(message: string): void {
    this.#faults.push(message);
  }
}

function serving({ disks }: Instance): PersistentDisk[] {
  return disks.filter(({ active, state }) => active && state === 'live');
}

function dynamicOf({ networks = {} }: AgentState): Record<string, NetworkSettings> {
  return Object.fromEntries(Object.entries(networks).filter(([, { type }]) => type === 'dynamic'));
}

function dynamicIp(agentId: string): string {
  const sum = Buffer.from(agentId).reduce((hash, byte) => (hash * 31 + byte) % 65_000, 7);
  return `192.168.${sum >> 8}.${sum & 255}`;
}

function known(wanted: WantedInstance | null): WantedInstance {
  if (wanted === null) throw new Error('nothing is wanted of this instance but its deletion');
  return wanted;
}
