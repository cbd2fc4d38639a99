import { expect, test } from 'vitest';
import { parseMonitFile } from '../../../../agent/supervise/monit-file.ts';

test('a usual job', () => {
  const { services, ignored } = parseMonitFile(
    `check process nginx
      with pidfile /var/vcap/sys/run/nginx/nginx.pid
      start program "/var/vcap/jobs/nginx/bin/ctl start"
      stop program "/var/vcap/jobs/nginx/bin/ctl stop"
      group vcap
    `,
    'monit',
  );
  expect(ignored).toEqual([]);
  expect(services).toEqual([
    {
      name: 'nginx',
      pidfile: '/var/vcap/sys/run/nginx/nginx.pid',
      start: { argv: ['/var/vcap/jobs/nginx/bin/ctl', 'start'], user: undefined, group: undefined, timeoutMs: 30_000 },
      stop: { argv: ['/var/vcap/jobs/nginx/bin/ctl', 'stop'], user: undefined, group: undefined, timeoutMs: 30_000 },
      dependsOn: [],
      rules: [],
    },
  ]);
});

test('all that jobs write: users, timeouts, dependencies, rules, quotes and comments', () => {
  const { services, ignored } = parseMonitFile(
    `# the database comes first
    check process "cloud_controller" with pidfile "/run/cc.pid" # here
      start program = "/bin/bash -c 'exec /x/ctl start >> /log 2>&1'" as uid "vcap" and gid vcap with timeout 2 minutes
      stop program "/x/ctl stop" with timeout 70 seconds as uid vcap
      depends on postgres, 'worker_1'
      mode active
      if totalmem > 500 Mb for 3 cycles then alert
      if total mem is greater than 1.5 GB then restart
      if 3 restarts within 5 cycles then timeout
      if failed host 10.0.0.1 port 8080 protocol http
        and request "/healthz" with timeout 60 seconds for 5 cycles
      then restart else if succeeded then alert
      if cpu > 80% for 2 cycles then exec "/x/scream loudly" as uid root
      GROUP vcap
    check file rotated with path /log/x.log
      if size > 10 MB then exec "/x/rotate"
    check process worker_1 with pidfile /run/w.pid
      start "/x/w start"
      stop = '/x/w stop'
    `,
    'cc.monit',
  );
  const [cc, worker] = services;
  expect(cc).toMatchObject({
    name: 'cloud_controller',
    start: {
      argv: ['/bin/bash', '-c', 'exec /x/ctl start >> /log 2>&1'],
      user: 'vcap',
      group: 'vcap',
      timeoutMs: 120_000,
    },
    stop: { argv: ['/x/ctl', 'stop'], user: 'vcap', timeoutMs: 70_000 },
    dependsOn: ['postgres', 'worker_1'],
  });
  expect(cc?.rules.slice(0, 3)).toEqual([
    { kind: 'memory', overKb: 512_000, cycles: 3, action: 'alert' },
    { kind: 'memory', overKb: 1_572_864, cycles: 1, action: 'restart' },
    { kind: 'restarts', restarts: 3, cycles: 5, action: 'unmonitor' },
  ]);
  expect(cc?.rules.map(({ kind }) => kind)).toEqual(['memory', 'memory', 'restarts', 'unknown', 'unknown']);
  expect(worker).toMatchObject({
    name: 'worker_1',
    start: { argv: ['/x/w', 'start'] },
    stop: { argv: ['/x/w', 'stop'] },
  });
  expect(ignored).toEqual([
    'line 10: if failed host 10.0.0.1 port 8080 protocol http and request /healthz with timeout 60 seconds for 5 cycles',
    'line 13: if cpu > 80% for 2 cycles',
    'line 15: check file rotated',
    'line 16: if size > 10 MB',
  ]);
});

test('a process without a pidfile cannot be watched', () => {
  expect(() => parseMonitFile('check process x matching "x.*"\n start program "/x"', '0000_x.monitrc')).toThrow(
    'monit file 0000_x.monitrc: x: a process is watched by its pidfile, with the whole path; there is none [line 1]',
  );
});

test('an empty file has no services: jobs that only bring errands', () => {
  expect(parseMonitFile('  \n# nothing\n', 'monit')).toEqual({ services: [], ignored: [] });
});
