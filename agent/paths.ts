import { join } from 'node:path';

/** Where everything is on a machine, below one folder: /var/vcap on a real one. BOSH's layout; jobs rely on it. */
export function agentPaths(base: string) {
  const data = join(base, 'data');
  const bosh = join(base, 'bosh');
  const instance = join(base, 'instance');
  const log = join(base, 'sys', 'log');
  return {
    base,
    bosh,
    agentLog: join(bosh, 'log'),
    spec: join(bosh, 'spec.json'),
    diskHints: join(bosh, 'persistent_disk_hints.json'),
    updatedSettings: join(bosh, 'update_settings.json'),
    trustedCertificates: join(bosh, 'trusted_certs.pem'),
    data,
    temporary: join(data, 'tmp'),
    uploadedBlobs: join(data, 'blobs'),
    compile: join(data, 'compile'),
    jobs: join(base, 'jobs'),
    packages: join(base, 'packages'),
    job: (job: string) => join(base, 'jobs', job),
    script: (job: string, script: string) => join(base, 'jobs', job, 'bin', script),
    log,
    jobLog: (job: string) => join(log, job),
    /** The same as `jobLog` and its like: `sys` leads here. */
    dataSys: join(data, 'sys'),
    jobData: (job: string) => join(data, job),
    sys: join(base, 'sys'),
    monit: join(base, 'monit'),
    monitJobs: join(base, 'monit', 'job'),
    stopped: join(base, 'monit', 'stopped'),
    store: join(base, 'store'),
    migrationTarget: join(base, 'store_migration_target'),
    instance,
    instanceFile: (name: 'id' | 'az' | 'name' | 'deployment') => join(instance, name),
    dnsRecords: join(instance, 'dns', 'records.json'),
    disksByName: join(instance, 'disks'),
    sshHomes: join(base, 'bosh_ssh'),
  } as const;
}

export type AgentPaths = ReturnType<typeof agentPaths>;
