import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Agent } from '../../../agent/agent.ts';
import { blobsIo } from '../../../agent/blobs/blobs-io.ts';
import { localBlobs } from '../../../agent/blobs/local-blobs.ts';
import type { MbusCertificate } from '../../../agent/nats-transport.ts';
import { linuxPlatform } from '../../../agent/platform/linux/linux-platform.ts';
import type { AgentSettings, ApplySpec, PackageRef } from '../../../agent/protocol.ts';
import { SettingsStore } from '../../../agent/settings-store.ts';
import { seededChance } from '../../../common/chance.ts';
import { systemClock } from '../../../common/clock.ts';
import { silentLog } from '../../../common/log.ts';
import { TestBus } from './bus.ts';
import { agentSettings, applySpec } from './specs.ts';

export type Files = Record<string, string>;

/** A real agent on a folder of this machine, with a blobstore and a bus in memory. Everything else is real. */
export async function givenMachine(options: { settings?: Partial<AgentSettings> } = {}) {
  const root = await mkdtemp(join(tmpdir(), 'machine-'));
  const base = join(root, 'vcap');
  const blobFolder = join(root, 'blobs');
  const bus = new TestBus();
  const chance = seededChance(Date.now());
  const platform = linuxPlatform({
    base,
    machine: 'process',
    extraPath: [],
    formatting: { filesystem: 'ext4', options: [] },
    clock: systemClock,
    log: silentLog,
  });
  const given = agentSettings({
    blobstore: { provider: 'local', options: { blobstore_path: blobFolder } },
    ...options.settings,
  });
  const swapped: MbusCertificate[] = [];
  const boot = async () => {
    await platform.prepare();
    return Agent.start({
      settings: await SettingsStore.open(given, platform.paths),
      transport: bus.connect(),
      platform,
      clock: systemClock,
      chance,
      log: silentLog,
      swapCertificate: async (certificate) => void swapped.push(certificate),
      halt: () => {},
    });
  };
  let agent = await boot();
  const blobs = localBlobs(blobFolder, blobsIo(join(root, 'fetched'), { clock: systemClock, chance }));
  const call = (method: string, ...args: unknown[]) => bus.call('agent-1', method, args);
  return {
    root,
    base,
    bus,
    blobs,
    swapped,
    call,
    paths: platform.paths,
    archive: async (files: Files) => blobs.put(await archiveOf(root, files)),
    reboot: async () => {
      await agent.close();
      agent = await boot();
    },
    /** A spec whose jobs are these folders of files, stored as the director stores them. */
    specOf: async (jobs: Record<string, Files>, packages: Record<string, Files> = {}): Promise<ApplySpec> => {
      const rendered = Object.entries(jobs).flatMap(([job, files]) =>
        Object.entries(files).map(([path, content]): [string, string] => [`${job}/${path}`, content]),
      );
      const stored = await blobs.put(await archiveOf(root, Object.fromEntries(rendered)));
      const refs: Record<string, PackageRef> = {};
      for (const [name, files] of Object.entries(packages)) {
        const { blobId, multidigest } = await blobs.put(await archiveOf(root, files));
        refs[name] = { name, version: '1.1', sha1: multidigest, blobstore_id: blobId };
      }
      const archive = { blobstore_id: stored.blobId, sha1: stored.multidigest };
      return applySpec({ rendered_templates_archive: archive, packages: refs }, Object.keys(jobs));
    },
    end: async () => {
      await call('stop').catch(() => {});
      await agent.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Files under a `bin/` folder and named `packaging` can be run. */
async function archiveOf(root: string, files: Files): Promise<string> {
  const folder = await mkdtemp(join(root, 'archive-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content, { mode: /(^|\/)bin\//.test(path) ? 0o755 : 0o644 });
  }
  const archive = `${folder}.tgz`;
  await promisify(execFile)('tar', ['-czf', archive, '-C', folder, '.']);
  return archive;
}

/** A job with one daemon, as releases write them. */
export function daemonJob(base: string, name: string, extra: Files = {}): Files {
  const pidfile = `${base}/sys/run/${name}/${name}.pid`;
  return {
    monit: `check process ${name} with pidfile ${pidfile}
      start program "${base}/jobs/${name}/bin/ctl start"
      stop program "${base}/jobs/${name}/bin/ctl stop"
      group vcap\n`,
    'bin/ctl': `#!/bin/bash
      case $1 in
        start) setsid sleep 1000 > /dev/null 2>&1 & echo $! > ${pidfile} ;;
        stop) kill $(cat ${pidfile}); rm ${pidfile} ;;
      esac\n`,
    ...extra,
  };
}
