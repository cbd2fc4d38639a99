import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobNames } from '../apply-spec.ts';
import { orAbsent } from '../files.ts';
import type { Machine } from '../machine.ts';
import type { Action } from './action.ts';

/** Has the supervisor start all services of the applied jobs. Whether they run is asked by `get_state`. */
export const start: Action = async (machine) => {
  await machine.supervisor.start(await monitFiles(machine));
  return 'started';
};

/** The monit files of all jobs, named so that those of the last job come first, as BOSH's agent has it. */
async function monitFiles({ spec, platform: { paths } }: Machine): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const current = spec.current();
  const jobs = (current === undefined ? [] : jobNames(current)).reverse();
  for (const [index, job] of jobs.entries()) {
    const names = (await orAbsent(readdir(paths.job(job)))) ?? [];
    for (const name of names.filter((file) => file === 'monit' || file.endsWith('.monit')).sort()) {
      const label = name === 'monit' ? '' : `_${name.slice(0, -'.monit'.length)}`;
      const content = await readFile(join(paths.job(job), name), 'utf8');
      if (content.trim() !== '') files.set(`${String(index).padStart(4, '0')}_${job}${label}.monitrc`, content);
    }
  }
  return files;
}
