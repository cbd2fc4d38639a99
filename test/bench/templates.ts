import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import type { JobTemplates, TemplateRenderer } from '../../director/templates/renderer.ts';
import { sandboxRenderer } from '../../director/templates/sandbox/sandbox.ts';
import { processTree } from './process-tree.ts';

export interface TemplateFigures {
  /** To the first rendered job, without and with a snapshot on disk. */
  readonly coldStartMs: number;
  readonly warmStartMs: number;
  readonly warmStartCpuMs: number;
  /** One job, one instance, again and again: mostly the making of a VM. */
  readonly jobMs: number;
  /** Templates per second, of jobs with many instances. */
  readonly rendersPerS: number;
  readonly rendersPerSTwoLanes: number;
  /** Processor time per template, Ruby's processes included: other work on the machine disturbs it less. */
  readonly cpuMsPerRender: number;
  readonly cpuMsPerJob: number;
  readonly cpuMsPerRenderTwoLanes: number;
  readonly rssMibIdle: number;
  readonly rssMibServing: number;
  readonly rubyMibServing: number;
  readonly rubyMibServingTwoLanes: number;
}

const INSTANCES = 500;
const JOBS = 20;

/** Renders what a middle-sized job looks like: ten templates with properties, conditions, a link and a loop. */
export async function benchTemplates(): Promise<TemplateFigures> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'bench-templates-'));
  const rssMibIdle = (await processTree(process.pid)).rssMib;
  try {
    const cold = await withRenderer(cacheDir, 1, (renderer) => timed(() => renderer.render(job, [instance(0)])));
    const warm = await withRenderer(cacheDir, 1, (renderer) => timed(() => renderer.render(job, [instance(0)])));
    const serving = await withRenderer(cacheDir, 1, async (renderer) => {
      await renderer.render(job, instances.slice(0, 50));
      const jobs = await timed(async () => {
        for (let n = 0; n < JOBS; n++) await renderer.render(job, [instance(n)]);
      });
      const one = await timed(() => renderer.render(job, instances));
      const memory = await processTree(process.pid);
      return {
        jobMs: jobs.ms / JOBS,
        cpuMsPerJob: jobs.cpuMs / JOBS,
        rendersPerS: renders / (one.ms / 1000),
        cpuMsPerRender: one.cpuMs / renders,
        rssMibServing: memory.rssMib,
        rubyMibServing: memory.childrenMib,
      };
    });
    const two = await withRenderer(cacheDir, 2, async (renderer) => {
      await Promise.all([1, 2].map(() => renderer.render(job, instances.slice(0, 50))));
      const took = await timed(() => Promise.all([1, 2].map(() => renderer.render(job, instances))));
      return { ...took, rubyMib: (await processTree(process.pid)).childrenMib };
    });
    return {
      coldStartMs: cold.ms,
      warmStartMs: warm.ms,
      warmStartCpuMs: warm.cpuMs,
      ...serving,
      rendersPerSTwoLanes: (2 * renders) / (two.ms / 1000),
      cpuMsPerRenderTwoLanes: two.cpuMs / (2 * renders),
      rubyMibServingTwoLanes: two.rubyMib,
      rssMibIdle,
    };
  } finally {
    await rm(cacheDir, { recursive: true });
  }
}

const TEMPLATE = `#!/bin/bash -e
export PORT=<%= p('web.port') %>
<% if_p('web.tls.certificate') do |certificate| -%>
cat > cert.pem <<'PEM'
<%= certificate %>
PEM
<% end.else do -%>
echo "no TLS"
<% end -%>
<% link('db').instances.each do |db| -%>
upstream <%= db.address %>:<%= link('db').p('port', 5432) %> az=<%= db.az %>
<% end -%>
<%= JSON.pretty_generate('name' => spec.name, 'id' => spec.id, 'users' => p('web.users').map { |u| u['name'] }) %>
`;

const job: JobTemplates = {
  name: 'web',
  monit: 'check process web with pidfile /var/vcap/sys/run/web/<%= name %>.pid\n',
  templates: Array.from({ length: 10 }, (_, n) => ({ source: `t${n}.erb`, destination: `bin/t${n}`, text: TEMPLATE })),
};

function instance(index: number) {
  const db = [0, 1, 2].map((n) => ({ name: 'db', id: `id-${n}`, index: n, az: 'z1', address: `10.0.1.${n}` }));
  const users = Array.from({ length: 20 }, (_, n) => ({ name: `user-${n}`, password: `secret-${n}` }));
  return {
    spec: {
      name: 'web',
      index,
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      properties: { web: { port: 8080, tls: { certificate: 'x'.repeat(1500) }, users } },
      links: { db: { instances: db, properties: {} } },
    },
  };
}

const renders = INSTANCES * (job.templates.length + 1);
const instances = Array.from({ length: INSTANCES }, (_, n) => instance(n));

async function withRenderer<T>(cacheDir: string, lanesMax: number, use: (renderer: TemplateRenderer) => Promise<T>) {
  const limits = { lanesMax, pendingMax: 100, idleMs: 60_000, renderMsMax: 30_000, outputBytesMax: 8_000_000 };
  const renderer = sandboxRenderer({ ...limits, memoryMibMax: 512, cacheDir }, { clock: systemClock, log: silentLog });
  try {
    return await use(renderer);
  } finally {
    await renderer.close();
  }
}

async function timed(act: () => Promise<unknown>): Promise<{ ms: number; cpuMs: number }> {
  const startedMs = performance.now();
  const { cpuMs } = await processTree(process.pid);
  await act();
  return { ms: performance.now() - startedMs, cpuMs: (await processTree(process.pid)).cpuMs - cpuMs };
}
