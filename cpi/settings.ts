import type { AgentId, DiskCid, VmCid } from '../common/ids.ts';
import type { DiskHint, NetworkSettings, VmSpec } from './cpi.ts';

/**
 * settings.json, from which the agent of a new VM learns who it is and where its director is. CPIs of ours
 * deliver it each in their way. The agent's own description of the same document is agent/protocol.ts.
 * Source: cloudfoundry/bosh-agent settings/settings.go.
 */
export interface AgentSettings {
  agent_id: AgentId;
  vm: { name: string };
  networks: Record<string, NetworkSettings>;
  disks: { system: string; ephemeral: string; persistent: Record<DiskCid, DiskHint> };
  env: Record<string, unknown>;
  blobstore: { provider: string; options: Record<string, unknown> };
  mbus: string;
  ntp: string[];
}

/** What every agent of one director is told. `env.bosh` of a VM takes precedence, in the agent. */
export interface AgentDefaults {
  /** `nats://<host>:<port>`; no credentials, those are in each VM's `env.bosh.mbus.cert`. */
  mbus: string;
  blobstore: { provider: string; options: Record<string, unknown> };
  ntp: string[];
}

export interface SettingsOf {
  vmCid: VmCid;
  spec: Pick<VmSpec, 'agentId' | 'env'>;
  /** With addresses filled in where the infrastructure gave them. */
  networks: Record<string, NetworkSettings>;
  /** Persistent disks that are attached now. */
  disks: ReadonlyMap<DiskCid, DiskHint>;
}

export function agentSettings({ vmCid, spec, networks, disks }: SettingsOf, defaults: AgentDefaults): AgentSettings {
  return {
    agent_id: spec.agentId,
    vm: { name: vmCid },
    networks,
    // Empty paths: the root disk is none of the agent's business and there is no ephemeral disk to format.
    disks: { system: '', ephemeral: '', persistent: Object.fromEntries(disks) },
    env: spec.env,
    blobstore: defaults.blobstore,
    mbus: defaults.mbus,
    ntp: defaults.ntp,
  };
}
