import { describe, expect, test } from 'vitest';
import { tailCommand, type TailWish } from '../../../../cli/ssh/tail.ts';

const wish = (more: Partial<TailWish> = {}): TailWish => ({
  follow: false,
  lines: 0,
  quiet: false,
  jobs: [],
  filters: [],
  agent: false,
  system: false,
  all: false,
  ...more,
});
const ofJobs =
  '/var/vcap/sys/log/**/*.log $(if [ -f /var/vcap/sys/log/*.log ]; then echo /var/vcap/sys/log/*.log ; fi)';

describe('what shows logs on an instance is what bosh runs there', () => {
  test.each([
    [{ follow: true }, `exec tail -F ${ofJobs}`],
    [{ lines: 10, quiet: true }, `exec tail -n 10 -q ${ofJobs}`],
    [{ follow: true, jobs: ['web', 'db'] }, 'exec tail -F /var/vcap/sys/log/web/*.log /var/vcap/sys/log/db/*.log'],
    [{ filters: ['web/access.*'] }, 'exec tail /var/vcap/sys/log/web/access.*'],
    [{ agent: true, lines: 1 }, 'exec tail -n 1 /var/vcap/bosh/log/current'],
  ])('%j', (more, command) => {
    expect(tailCommand(wish(more))).toBe(`sudo bash -c '${command}'`);
  });

  test('of the system those that are text, and of everything all three', () => {
    const system = tailCommand(wish({ system: true }));
    expect(system).toMatch(/^sudo bash -c 'exec tail \$\(find \/var\/log -type f -not -name \\\*\.gz /);
    expect(system).not.toContain('/var/vcap');
    const all = tailCommand(wish({ all: true }));
    for (const part of ['find /var/log', '/var/vcap/bosh/log/current', ofJobs]) expect(all).toContain(part);
  });

  test.each(["web'; rm -rf /; '", 'a b', '$(reboot)', 'x`y`'])(
    '%s is no name of a job: it would be run by root',
    (job) => {
      expect(() => tailCommand(wish({ jobs: [job] }))).toThrow('is no name of a job');
    },
  );
});
