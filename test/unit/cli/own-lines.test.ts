import { expect, test } from 'vitest';
import { describeFaults } from '../../../common/errors.ts';
import { ownLines, OwnLinesReporter } from '../../../cli/own-lines.ts';
import type { TaskReporter } from '../../../cli/ui/task-reporter.ts';
import { readYaml } from '../../../manifests/yaml.ts';

const file = readYaml(`name: web
update: {canaries: 1}
releases:
- name: b
- name: ((other))
instance_groups:
- name: api
  jobs:
  - name: api
    properties:
      a.b:
        port: 80
- name: web
  azs: [z1,
    ((az))]
  stemcell: default
`);
const lineOf = (path: string, sent = file.value) => ownLines(file, sent)(path);

test('a path leads to the line of the file, whatever its keys look like; of what is missing, to what should have it', () => {
  expect(lineOf('instance_groups.1.stemcell')).toBe(16);
  expect(lineOf('instance_groups.1.azs.1')).toBe(15);
  expect(lineOf('instance_groups.0.jobs.0.properties.a.b.port')).toBe(12);
  expect(lineOf('instance_groups.1.vm_type')).toBe(13);
  expect(lineOf('instance_groups.1.networks.0.name')).toBe(13);
});

test('what is in another document, or in none, has no line', () => {
  expect(lineOf('cloud config: networks.0.subnets')).toBeUndefined();
  expect(lineOf('stemcells')).toBeUndefined();
  expect(lineOf('')).toBeUndefined();
});

test('what operations have moved is found by its name, and what they have added has no line', () => {
  const sent = readYaml(`update: {canaries: 1, serial: false}
releases: [{name: new}, {name: b}, {name: other}]
instance_groups:
- {name: first, stemcell: x}
- {name: web, stemcell: default, azs: [z1, z9]}
`).value;
  expect(lineOf('instance_groups.1.stemcell', sent)).toBe(16);
  expect(lineOf('instance_groups.1.azs.1', sent)).toBe(15);
  expect(lineOf('instance_groups.0.stemcell', sent)).toBeUndefined();
  expect(lineOf('releases.0', sent)).toBeUndefined();
  expect(lineOf('releases.1.name', sent)).toBe(4);
  expect(lineOf('update.serial', sent)).toBe(2);
});

/** What a reporter hears of an event, which comes in two pieces. */
function heard(event: object): string {
  const chunks: string[] = [];
  const inner: TaskReporter = {
    started: () => {},
    output: (_id, chunk) => void chunks.push(chunk),
    finished: () => {},
  };
  const reporter = new OwnLinesReporter(inner, ownLines(file, file.value));
  const line = `${JSON.stringify({ time: 1, ...event })}\n`;
  reporter.started(1);
  reporter.output(1, line.slice(0, 20));
  reporter.output(1, line.slice(20));
  return chunks.join('');
}

test('the text of an error gets the lines, in the end of a task and of a stage', () => {
  const faults = [
    { path: 'instance_groups.1.azs.1', message: 'no AZ "z9"' },
    { path: 'cloud config: azs', message: 'it is empty' },
  ];
  const message = `the deployment: ${describeFaults(faults)}\nDo something.`;
  const located =
    'the deployment: 2 faults\n- instance_groups.1.azs.1: no AZ "z9" [line 15]\n- cloud config: azs: it is empty\nDo something.';
  expect(JSON.parse(heard({ error: { code: 1, message, faults } }))).toMatchObject({ error: { message: located } });
  const failed = { stage: 'Preparing', tags: [], task: 'x', state: 'failed', data: { error: message, faults } };
  expect(JSON.parse(heard(failed))).toMatchObject({ data: { error: located } });
});

test('a text that says its faults in other words stays as it is, and so does every other event', () => {
  const error = { code: 1, message: 'Something else', faults: [{ path: 'name', message: 'is wrong' }] };
  expect(JSON.parse(heard({ error }))).toMatchObject({ error: { message: 'Something else' } });
  expect(heard({ stage: 'a', state: 'started' })).toBe('{"time":1,"stage":"a","state":"started"}\n');
});
