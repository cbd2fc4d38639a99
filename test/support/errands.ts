import { packArchive, textEntry } from '../../common/archive-pack.ts';
import { id } from '../../common/ids.ts';
import type { RunErrandArgs } from '../../director/api/deploy-args.ts';
import type { Store } from '../../director/store/store.ts';
import type { Task } from '../../director/store/tasks.ts';
import type { ErrandRunResult } from '../../director/api/contract/access.ts';
import type { TaskEngine } from '../../director/tasks/engine.ts';
import type { MemoryBlobs } from './memory-blobs.ts';

/** A release of two jobs: `smoke` has something to run, `plain` does not. */
export async function uploadTools(
  { store, blobs }: { store: Store; blobs: MemoryBlobs },
  { version = '1' }: { version?: string } = {},
): Promise<void> {
  const release = await store.releases.begin({
    name: 'tools',
    version,
    commitHash: 'abc',
    uncommittedChanges: false,
  });
  for (const [name, destination] of [
    ['smoke', 'bin/run'],
    ['plain', 'bin/ctl'],
  ] as const) {
    const spec = { name, templates: { t: destination }, packages: [], properties: { say: { default: 'hello' } } };
    const archive = await blobs.put(
      packArchive([
        textEntry('job.MF', JSON.stringify(spec)),
        textEntry('monit', ''),
        textEntry('templates/t', `${name} <%= p("say") %>`),
      ]),
    );
    await store.releases.addJob(release.id, {
      name,
      version: `${name}-${version}`,
      fingerprint: `${name}-${version}`,
      blobId: archive.blobId,
      digest: archive.sha1,
      packages: [],
      spec,
    });
  }
  await store.releases.complete(release.id);
}

export interface Group {
  name: string;
  lifecycle?: 'service' | 'errand';
  instances?: number;
  jobs?: readonly string[];
  azs?: readonly string[];
  disk?: boolean;
  say?: string;
}

export const toolsManifest = (groups: readonly Group[]) => `
name: tools
releases: [{name: tools, version: "1"}]
stemcells: [{alias: default, os: tiny-os, version: "1"}]
update: {canaries: 1, max_in_flight: 2, canary_watch_time: 1-2, update_watch_time: 1-2}
instance_groups:
${groups.map(groupText).join('')}`;

function groupText({
  name,
  lifecycle = 'service',
  instances = 1,
  jobs = ['smoke'],
  azs = ['z1'],
  disk = false,
  say = 'hello',
}: Group): string {
  return `- name: ${name}
  lifecycle: ${lifecycle}
  instances: ${instances}
  azs: [${azs.join(', ')}]
  vm_type: small
  stemcell: default
${disk ? '  persistent_disk_type: disk\n' : ''}  networks: [{name: default}]
  jobs: [${jobs.map((job) => `{name: ${job}, release: tools, properties: {say: "${say}"}}`).join(', ')}]
`;
}

export function enqueueErrand(
  engine: Pick<TaskEngine, 'enqueue'>,
  errand: string,
  more: Partial<RunErrandArgs> = {},
): Promise<Task> {
  const args: RunErrandArgs = {
    deployment: 'tools',
    errand,
    keepAlive: false,
    whenChanged: false,
    instances: [],
    ...more,
  };
  return engine.enqueue({
    type: 'run_errand',
    description: `run errand ${errand} from deployment tools`,
    lane: 'normal',
    args,
    user: 'admin',
    deployment: id('tools'),
    contextId: '',
    teams: [],
  });
}

/** The result output of a run, a line for each instance, by instance. */
export function resultsIn(output: string): ErrandRunResult[] {
  const lines = output.split('\n').filter((line) => line !== '');
  const results = lines.map((line) => JSON.parse(line) as ErrandRunResult); // run-errand.ts writes them
  return results.sort((a, b) => (JSON.stringify(a.instance) < JSON.stringify(b.instance) ? -1 : 1));
}
