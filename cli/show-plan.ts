import { changesIn, outlineOf } from '../director/api/contract/plan-text.ts';
import type { DeploymentPlanDocument } from '../director/api/contract/plans.ts';
import type { Context } from './context.ts';
import { CliError } from './failure.ts';
import { columnsOf, type Table } from './ui/table.ts';

/**
 * What the result of a dry run says: an outline for people, a row for each instance that changes for programs.
 * @throws CliError where the director gives no plan, as BOSH's
 */
export function showPlan({ ui, globals }: Pick<Context, 'ui' | 'globals'>, result: string): void {
  const document = read(result);
  if (globals.json) return ui.table(tableOf(document));
  const lines = outlineOf(document);
  ui.block(
    lines.length === 0
      ? 'Nothing to change: a deploy would leave every instance as it is.\n'
      : lines.map((line) => `${line}\n`).join(''),
  );
}

function read(result: string): DeploymentPlanDocument {
  try {
    return JSON.parse(result) as DeploymentPlanDocument; // our own director's
  } catch {
    throw new CliError(
      'The director made a dry run and told no plan: only a Gantry director tells one. `deploy --dry-run` shows what others tell.',
    );
  }
}

function tableOf(document: DeploymentPlanDocument): Table {
  const rows = changesIn(document).map(({ planned, canary, wave }) => [
    planned.instance,
    String(planned.index),
    planned.action,
    planned.az ?? '',
    planned.ips.map((ip) => ip ?? 'dynamic').join('\n'),
    wave === null ? '' : String(wave),
    String(canary),
    planned.changes.map(({ kind }) => kind).join('\n'),
    planned.changes.map(({ reason }) => reason).join('\n'),
    [...planned.create_steps, ...planned.steps].join('\n'),
  ]);
  const columns = columnsOf(
    'Instance',
    'Index',
    'Action',
    'AZ',
    'IPs',
    'Wave',
    'Canary',
    'Changes',
    'Reasons',
    'Steps',
  );
  return { content: 'changes', columns, rows };
}
