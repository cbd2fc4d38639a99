import type { AgentSettings, ApplySpec } from '../../../agent/protocol.ts';

export function agentSettings(change: Partial<AgentSettings> = {}): AgentSettings {
  return {
    agent_id: 'agent-1',
    vm: { name: 'vm-1' },
    networks: { apps: { type: 'manual', ip: '10.0.0.4', netmask: '255.255.255.0', default: ['dns', 'gateway'] } },
    disks: {},
    env: {},
    blobstore: { provider: 'local', options: {} },
    mbus: 'nats://127.0.0.1:4222',
    ntp: [],
    ...change,
  };
}

/** A full spec of one instance with these jobs; nothing in the blobstore is behind it. */
export function applySpec(change: Partial<ApplySpec> = {}, jobs: string[] = ['web', 'worker']): ApplySpec {
  return {
    deployment: 'shop',
    name: 'web',
    id: '5a0f1c1e-0000-4000-8000-000000000001',
    index: 0,
    az: 'z1',
    networks: { apps: { type: 'manual', ip: '10.0.0.4' } },
    job: {
      name: 'web',
      template: jobs[0] ?? '',
      version: 'v1',
      templates: jobs.map((name) => ({ name, version: 'v1' })),
    },
    packages: {},
    configuration_hash: 'c0ffee',
    rendered_templates_archive: { blobstore_id: 'templates-1', sha1: 'a'.repeat(40) },
    ...change,
  };
}
