import { CliError } from '../failure.ts';

export interface TailWish {
  follow: boolean;
  /** How many lines of each file; 0: tail's own number. */
  lines: number;
  quiet: boolean;
  jobs: readonly string[];
  filters: readonly string[];
  agent: boolean;
  system: boolean;
  all: boolean;
}

const logs = '/var/vcap/sys/log';

/** Neither packed nor rotated ones, nor those that are no text. The command is quoted twice on its way. */
const systemLogs =
  '$(find /var/log -type f -not -name \\*.gz -and -not -name \\*.xz -and -not -name \\*.\\[1-9] -and -not -path ' +
  '/var/log/sysstat/\\* -and -not -wholename /var/log/wtmp -and -not -wholename /var/log/lastlog)';

/** What shows the logs of an instance, as a command for its shell. */
export function tailCommand({ follow, lines, quiet, jobs, filters, agent, system, all }: TailWish): string {
  for (const word of [...jobs, ...filters]) {
    // It goes to a shell of root's.
    if (!/^[\w./*?[\]{},@:+-]+$/.test(word)) throw new CliError(`'${word}' is no name of a job or a file`);
  }
  const words = ['exec', 'tail'];
  if (follow) words.push('-F'); // also after a file is rotated
  if (lines > 0) words.push('-n', String(lines));
  if (quiet) words.push('-q');
  if ((system && !agent) || all) words.push(systemLogs);
  if ((agent && !system) || all) words.push('/var/vcap/bosh/log/current');
  if (jobs.length > 0) words.push(...jobs.map((job) => `${logs}/${job}/*.log`));
  else if (filters.length > 0) words.push(...filters.map((filter) => `${logs}/${filter}`));
  else if ((!agent && !system) || all) {
    words.push(`${logs}/**/*.log`, `$(if [ -f ${logs}/*.log ]; then echo ${logs}/*.log ; fi)`);
  }
  return `sudo bash -c '${words.join(' ')}'`;
}
