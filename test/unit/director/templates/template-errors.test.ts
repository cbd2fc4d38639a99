import { expect, test } from 'vitest';
import type { TemplateFault } from '../../../../director/templates/renderer.ts';
import { describeFailures, TemplatesFailed } from '../../../../director/templates/template-errors.ts';

const raised = (template: string, line: number | null, message: string): TemplateFault => ({
  code: 'template-raised',
  template,
  line,
  message,
});

test('all faults of a deploy stand in one text: by group, by job, by template', () => {
  const faults = [
    raised('foobar_ctl', 8, `Can't find property '["test_property"]'`),
    raised('drain.erb', 4, `Can't find property '["dynamic_drain_wait1"]'`),
  ];
  const text = describeFailures([
    { instanceGroup: 'foobar', job: 'one', faults },
    { instanceGroup: 'foobar', job: 'two', faults },
    { instanceGroup: 'other', job: 'one', faults: [raised('x', null, 'two\nlines')] },
  ]);
  expect(text).toBe(
    `Unable to render instance groups for deployment. Errors are:
  - Unable to render jobs for instance group 'foobar'. Errors are:
    - Unable to render templates for job 'one'. Errors are:
      - Error filling in template 'foobar_ctl' (line 8: Can't find property '["test_property"]')
      - Error filling in template 'drain.erb' (line 4: Can't find property '["dynamic_drain_wait1"]')
    - Unable to render templates for job 'two'. Errors are:
      - Error filling in template 'foobar_ctl' (line 8: Can't find property '["test_property"]')
      - Error filling in template 'drain.erb' (line 4: Can't find property '["dynamic_drain_wait1"]')
  - Unable to render jobs for instance group 'other'. Errors are:
    - Unable to render templates for job 'one'. Errors are:
      - Error filling in template 'x' (line (unknown): two
      lines)`,
  );
});

test('what ten instances have in common is said once, what one has alone is not lost', () => {
  const common = raised('ctl', 1, 'no port');
  const failures = Array.from({ length: 10 }, (_, n) => ({
    instanceGroup: 'web',
    job: 'nginx',
    faults: n === 7 ? [common, raised('ctl', 2, 'no az')] : [common],
  }));
  expect(describeFailures(failures).split('\n').slice(3)).toEqual([
    "      - Error filling in template 'ctl' (line 1: no port)",
    "      - Error filling in template 'ctl' (line 2: no az)",
  ]);
});

test('a failing monit file stands under the group, without the header of its job', () => {
  const text = describeFailures([{ instanceGroup: 'web', job: 'nginx', faults: [raised('monit', 3, 'boom')] }]);
  expect(text.split('\n').slice(1)).toEqual([
    "  - Unable to render jobs for instance group 'web'. Errors are:",
    "    Error filling in template 'monit' (line 3: boom)",
  ]);
});

test('the error for the operator carries the faults for machines', () => {
  const failures = [{ instanceGroup: 'web', job: 'nginx', faults: [raised('ctl', 1, 'no port')] }];
  expect(new TemplatesFailed(failures)).toMatchObject({ code: 'templates-failed', details: { failures } });
});
