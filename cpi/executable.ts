import pLimit, { type LimitFunction } from 'p-limit';
import type { Chance } from '../common/chance.ts';
import type { Clock } from '../common/clock.ts';
import { silentLog, type Log } from '../common/log.ts';
import type { AgentId, DiskCid, NetworkCid, SnapshotCid, StemcellCid, VmCid } from '../common/ids.ts';
import type {
  CloudProperties,
  Cpi,
  CpiInfo,
  CpiScope,
  DiskHint,
  ManagedNetwork,
  ManagedNetworkSpec,
  Metadata,
  SnapshotMetadata,
  VmResources,
  VmSpec,
} from './cpi.ts';
import { CpiError, isCpiError } from './errors.ts';
import { Calls, limitsOf, type KeptAnswer } from './executable/calls.ts';
import { Caller } from './executable/caller.ts';
import { Info } from './executable/info.ts';
import * as read from './executable/results.ts';
import { timeLimitsMs, type WireMethod } from './executable/wire.ts';
import { OneAtATime } from './one-at-a-time.ts';

export interface ExecutableCpiOptions {
  /** Absolute path of the program: `/var/vcap/jobs/vsphere_cpi/bin/cpi`. */
  program: string;
  directorUuid: string;
  /** Where runs of the program live while they are under way, and their answers for a day after. One CPI's own. */
  callsDirectory: string;
  clock: Clock;
  chance: Chance;
  /** From the CPI config: merged into the context of every call, and never logged. */
  properties?: Record<string, unknown>;
  /** The newest version of the protocol to speak. BOSH's `director.cpi.preferred_api_version`. */
  apiVersionMax?: number;
  timeLimitsMs?: Partial<Record<WireMethod, number>>;
  /** How long an answer to `info` holds. The director asks before every task. */
  infoHoldsMs?: number;
  /** Programs running at the same time; further calls wait. */
  atOnceMax?: number;
  log?: Log;
}

/** What all views of one CPI have in common. */
interface Shared {
  readonly calls: Calls;
  readonly info: Info;
  /** By agent id: who comes second finds the answer of the first. */
  readonly creating: OneAtATime;
  readonly atOnce: LimitFunction;
}

/** As many Ruby interpreters as a small director VM bears. */
const atOnceDefault = 32;

/**
 * Any BOSH CPI program. Each call is one run of it, in a session of its own and with its answer in a file, so that
 * a director killed meanwhile finds what came of it: see cpi/executable/program.ts.
 *
 * What the protocol leaves to each CPI is made alike here: an absent VM is deleted and a disk that isn't attached is
 * detached without an error. Aborting a signal stops no program: the calls of most infrastructures can't be undone.
 * Source: https://bosh.io/docs/cpi-api-v2/
 */
export class ExecutableCpi implements Cpi {
  readonly #options: ExecutableCpiOptions;
  readonly #shared: Shared;
  readonly #caller: Caller;

  private constructor(options: ExecutableCpiOptions, scope: CpiScope, shared: Shared) {
    this.#options = options;
    this.#shared = shared;
    this.#caller = new Caller({ ...options, log: options.log ?? silentLog }, shared.calls, shared.atOnce, scope);
  }

  static of(options: ExecutableCpiOptions): ExecutableCpi {
    const limits = { ...timeLimitsMs, ...options.timeLimitsMs };
    return new ExecutableCpi(
      options,
      {},
      {
        calls: new Calls(options.callsDirectory, options.clock, (method) => limitsOf(limits[method])),
        info: new Info(options.clock, options.infoHoldsMs ?? 60_000),
        creating: new OneAtATime(),
        atOnce: pLimit(options.atOnceMax ?? atOnceDefault),
      },
    );
  }

  /** The same CPI for one task or one stemcell: it shares all but these. */
  within(scope: CpiScope): ExecutableCpi {
    return new ExecutableCpi(this.#options, scope, this.#shared);
  }

  async info(signal?: AbortSignal): Promise<CpiInfo> {
    signal?.throwIfAborted();
    return this.#shared.info.get(async () => read.info(await this.#caller.call('info', [], { apiVersion: undefined })));
  }

  async createStemcell(
    imagePath: string,
    cloudProperties: CloudProperties,
    signal?: AbortSignal,
  ): Promise<StemcellCid> {
    const version = await this.#version(signal);
    const more = version >= 3 ? [{ tags: {} }] : []; // tags for what the infrastructure makes; we have none
    return read.cid<StemcellCid>(await this.#call('create_stemcell', [imagePath, cloudProperties, ...more], signal));
  }

  async deleteStemcell(cid: StemcellCid, signal?: AbortSignal): Promise<void> {
    await this.#call('delete_stemcell', [cid], signal);
  }

  createVm(spec: VmSpec, signal?: AbortSignal): Promise<{ vmCid: VmCid }> {
    return this.#shared.creating.run(spec.agentId, () => this.#createVm(spec, signal));
  }

  /**
   * A VM whose making ended without an answer is looked for no more: the next createVm of this agent id makes one.
   * For whoever has made sure that the infrastructure has none, or has deleted it there.
   */
  forgetVm(agentId: AgentId): Promise<void> {
    return this.#shared.calls.forget(nameOfVm(agentId));
  }

  /** The same for a disk, by the name that the director gave it. */
  forgetDisk(name: string): Promise<void> {
    return this.#shared.calls.forget(nameOf('create_disk', name));
  }

  /** What this CPI made in the last day, as it was answered. To look for things that no record tells of. */
  madeLately(): Promise<KeptAnswer[]> {
    return this.#shared.calls.kept();
  }

  async deleteVm(vmCid: VmCid, signal?: AbortSignal): Promise<void> {
    await this.#call('delete_vm', [vmCid], signal).catch(unless('VMNotFound'));
    await this.#shared.calls.forgetLabelled(vmCid);
  }

  async hasVm(vmCid: VmCid, signal?: AbortSignal): Promise<boolean> {
    return read.flag(await this.#call('has_vm', [vmCid], signal));
  }

  async rebootVm(vmCid: VmCid, signal?: AbortSignal): Promise<void> {
    await this.#call('reboot_vm', [vmCid], signal);
  }

  async setVmMetadata(vmCid: VmCid, metadata: Metadata, signal?: AbortSignal): Promise<void> {
    await this.#call('set_vm_metadata', [vmCid, metadata], signal);
  }

  async calculateVmCloudProperties(
    { cpu, ramMib, ephemeralDiskMib }: VmResources,
    signal?: AbortSignal,
  ): Promise<CloudProperties> {
    const sizes = { cpu, ram: ramMib, ephemeral_disk_size: ephemeralDiskMib };
    return read.properties(await this.#call('calculate_vm_cloud_properties', [sizes], signal));
  }

  async createDisk(
    sizeMib: number,
    cloudProperties: CloudProperties,
    nearVm: VmCid | null,
    name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid> {
    const given = [sizeMib, cloudProperties, nearVm];
    const diskCid = read.cid<DiskCid>(await this.#callOnce('create_disk', given, { name, signal }));
    if (name !== undefined) await this.#shared.calls.label(nameOf('create_disk', name), diskCid);
    return diskCid;
  }

  async deleteDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<void> {
    await this.#call('delete_disk', [diskCid], signal);
    await this.#shared.calls.forgetLabelled(diskCid);
  }

  async hasDisk(diskCid: DiskCid, signal?: AbortSignal): Promise<boolean> {
    return read.flag(await this.#call('has_disk', [diskCid], signal));
  }

  async attachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<DiskHint> {
    return read.diskHint(await this.#call('attach_disk', [vmCid, diskCid], signal));
  }

  async detachDisk(vmCid: VmCid, diskCid: DiskCid, signal?: AbortSignal): Promise<void> {
    await this.#call('detach_disk', [vmCid, diskCid], signal).catch(unless('DiskNotAttached'));
  }

  async resizeDisk(diskCid: DiskCid, sizeMib: number, signal?: AbortSignal): Promise<void> {
    await this.#call('resize_disk', [diskCid, sizeMib], signal);
  }

  async updateDisk(
    diskCid: DiskCid,
    sizeMib: number,
    cloudProperties: CloudProperties,
    name?: string,
    signal?: AbortSignal,
  ): Promise<DiskCid> {
    const answer = await this.#callOnce('update_disk', [diskCid, sizeMib, cloudProperties], { name, signal });
    if (answer.result === null) return diskCid;
    const cid = read.cid<DiskCid>(answer);
    if (name !== undefined) await this.#shared.calls.label(nameOf('update_disk', name), cid);
    return cid;
  }

  async setDiskMetadata(diskCid: DiskCid, metadata: Metadata, signal?: AbortSignal): Promise<void> {
    await this.#call('set_disk_metadata', [diskCid, metadata], signal);
  }

  async getDisks(vmCid: VmCid, signal?: AbortSignal): Promise<DiskCid[]> {
    return read.cids<DiskCid>(await this.#call('get_disks', [vmCid], signal));
  }

  async snapshotDisk(
    diskCid: DiskCid,
    metadata: SnapshotMetadata,
    name?: string,
    signal?: AbortSignal,
  ): Promise<SnapshotCid> {
    const cid = read.cid<SnapshotCid>(await this.#callOnce('snapshot_disk', [diskCid, metadata], { name, signal }));
    if (name !== undefined) await this.#shared.calls.label(nameOf('snapshot_disk', name), cid);
    return cid;
  }

  async deleteSnapshot(cid: SnapshotCid, signal?: AbortSignal): Promise<void> {
    await this.#call('delete_snapshot', [cid], signal);
    await this.#shared.calls.forgetLabelled(cid);
  }

  async createNetwork(spec: ManagedNetworkSpec, signal?: AbortSignal): Promise<ManagedNetwork> {
    const { type, range, gateway, netmaskBits, cloudProperties } = spec;
    const wanted = {
      type,
      ...(range === undefined ? {} : { range }),
      ...(gateway === undefined ? {} : { gateway }),
      ...(netmaskBits === undefined ? {} : { netmask_bits: netmaskBits }),
      cloud_properties: cloudProperties,
    };
    return read.network(await this.#call('create_network', [wanted], signal));
  }

  async deleteNetwork(cid: NetworkCid, signal?: AbortSignal): Promise<void> {
    await this.#call('delete_network', [cid], signal);
  }

  async #createVm(spec: VmSpec, signal: AbortSignal | undefined): Promise<{ vmCid: VmCid }> {
    const { agentId, stemcellCid, cloudProperties, networks, diskCids, env } = spec;
    const given = [agentId, stemcellCid, cloudProperties, networks, diskCids, env];
    const apiVersion = await this.#version(signal);
    const name = nameOfVm(agentId);
    const answer = await this.#caller.callOnce('create_vm', given, { apiVersion, name, details: { agentId }, signal });
    const vmCid = read.vm(answer);
    await this.#shared.calls.label(name, vmCid);
    return { vmCid };
  }

  /** With a name of ours: what an earlier run has answered, or else a run that can be found again. */
  async #callOnce(
    method: WireMethod,
    given: unknown[],
    { name, signal }: { name: string | undefined; signal: AbortSignal | undefined },
  ) {
    if (name === undefined) return this.#call(method, given, signal);
    const apiVersion = await this.#version(signal);
    return this.#caller.callOnce(method, given, { apiVersion, name: nameOf(method, name), details: { name }, signal });
  }

  async #call(method: WireMethod, given: unknown[], signal: AbortSignal | undefined) {
    const apiVersion = await this.#version(signal);
    return this.#caller.call(method, given, { apiVersion, signal });
  }

  /** The newest version that both speak. @throws CpiError `NotSupported` */
  async #version(signal: AbortSignal | undefined): Promise<number> {
    const { apiVersion } = await this.info(signal);
    if (apiVersion < 2) {
      throw new CpiError('NotSupported', `${this.#options.program} speaks version ${apiVersion} of the CPI protocol`, {
        hint: 'Version 2 is needed. Use a newer release of this CPI.',
        details: { program: this.#options.program, apiVersion },
      });
    }
    return Math.min(apiVersion, this.#options.apiVersionMax ?? 3);
  }
}

function nameOfVm(agentId: AgentId): string {
  return `create_vm-${agentId}`;
}

function nameOf(method: WireMethod, name: string): string {
  return `${method}-${name}`;
}

function unless(type: 'VMNotFound' | 'DiskNotAttached') {
  return (thrown: unknown) => {
    if (!isCpiError(thrown, type)) throw thrown;
  };
}
