import { groupBy } from '../../common/group-by.ts';
import { OperatorError } from '../../common/errors.ts';
import type { TemplateFault } from './renderer.ts';

/** What failed of one job on one instance. */
export interface JobFailure {
  readonly instanceGroup: string;
  readonly job: string;
  readonly faults: readonly TemplateFault[];
}

/**
 * All template faults of a deploy as one error, in the form that BOSH gives them: operators and their scripts know it.
 * Groups and jobs stand in the order of their first failure; what several instances have in common is said once.
 */
export class TemplatesFailed extends OperatorError {
  constructor(failures: readonly JobFailure[]) {
    super(describeFailures(failures), {
      code: 'templates-failed',
      hint:
        'Each line names a template and what stopped it. A missing property is set under "properties" of its job in the ' +
        'manifest; nothing has been changed, so deploy again when it is.',
      details: { failures },
    });
  }
}

export function describeFailures(failures: readonly JobFailure[]): string {
  const groups = [...groupBy(failures, (failure) => failure.instanceGroup)].map(([group, ofGroup]) =>
    block(
      `- Unable to render jobs for instance group '${group}'. Errors are:`,
      [...groupBy(ofGroup, (failure) => failure.job)].map(([job, ofJob]) =>
        describeJob(
          job,
          ofJob.flatMap((failure) => failure.faults),
        ),
      ),
    ),
  );
  return block('Unable to render instance groups for deployment. Errors are:', groups);
}

/** A failing monit file stands for its job alone: that is how BOSH prints it. */
function describeJob(job: string, faults: readonly TemplateFault[]): string {
  const lines = (wanted: readonly TemplateFault[]) => [...new Set(wanted.map(describeFault))];
  const monit = lines(faults.filter((fault) => fault.template === 'monit'));
  const others = lines(faults.filter((fault) => fault.template !== 'monit')).map((line) => `- ${line}`);
  if (others.length === 0) return monit.join('\n');
  return [...monit, block(`- Unable to render templates for job '${job}'. Errors are:`, others)].join('\n');
}

export function describeFault({ template, line, message }: TemplateFault): string {
  return `Error filling in template '${template}' (line ${line ?? '(unknown)'}: ${message})`.trim();
}

function block(header: string, body: readonly string[]): string {
  return `${header}\n${body.join('\n').replace(/^(?=.)/gm, '  ')}`;
}
