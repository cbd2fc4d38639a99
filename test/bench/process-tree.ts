import { readdir, readFile } from 'node:fs/promises';

/** What the kernel says of one process and all that it has started, which is where a director has its Ruby. */
export interface ProcessTree {
  /** Of those that have ended and those that run, in ms. */
  readonly cpuMs: number;
  /** Of the first process alone. */
  readonly rssMib: number;
  /** Of the others; a page that several share counts in parts. */
  readonly childrenMib: number;
}

export async function processTree(pid: number): Promise<ProcessTree> {
  const children = await descendants(pid);
  const [own, ...others] = await Promise.all([pid, ...children].map(cpuMs));
  const memories = await Promise.all(children.map((child) => mib(`/proc/${child}/smaps_rollup`, 'Pss')));
  return {
    cpuMs: [own ?? 0, ...others].reduce((sum, ms) => sum + ms, 0),
    rssMib: await mib(`/proc/${pid}/status`, 'VmRSS'),
    childrenMib: memories.reduce((sum, one) => sum + one, 0),
  };
}

async function descendants(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => text(`/proc/${pid}/task/${thread}/children`)));
  const children = lists.flatMap((list) => list.split(' ').filter((id) => id !== '')).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

/** Clock ticks of 10 ms, the kernel's unit on every Linux that Node runs on; with the children that it has waited for. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await text(`/proc/${pid}/stat`)).split(') ')[1]?.split(' ').slice(11, 15) ?? [];
  return fields.reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

async function mib(file: string, field: string): Promise<number> {
  const kb = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(await text(file))?.[1];
  return Number(kb ?? 0) / 1024;
}

/** Empty when the process has ended. */
function text(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
