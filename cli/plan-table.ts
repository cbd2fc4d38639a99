import type { Table } from './ui/table.ts';
import { columnsOf, lines, toned } from './ui/table.ts';

/** A line of a dry run's result, as the director's plan is written: `recreate web/3f2… (0) in z1 at 10.0.0.2: why; why`. */
const line =
  /^(?<action>[a-z-]+) (?<group>[^/ ]+)\/(?<id>\S+) \((?<index>\d+)\)(?: in (?<az>.+?))?(?: at (?<ips>[^ :]\S*(?:, \S+)*?))?(?<canary> \(canary\))?(?:: (?<why>.*))?$/;

const harmless = new Set(['create', 'update', 'start', 'configure']);

/** What will happen to which instance, and why; and how many of each, as a sentence. */
export function planTable(deployment: string, plan: string): { table: Table; summary: string } {
  const all = plan.split('\n').filter((text) => text !== '');
  const counts = new Map<string, number>();
  const rows = all.map((text) => {
    const found = line.exec(text)?.groups;
    if (found === undefined) return ['', text, '', '', '', '']; // a director that writes them otherwise
    const { action = '', group = '', id = '', index = '', az = '', ips = '', canary, why = '' } = found;
    counts.set(action, (counts.get(action) ?? 0) + 1);
    return [
      toned(action, harmless.has(action)),
      `${group}/${id} (${index})`,
      az,
      lines(ips.split(', ')),
      canary === undefined ? '' : 'canary',
      lines(why.split('; ')),
    ];
  });
  return {
    table: {
      title: `Plan for deployment '${deployment}'`,
      content: 'changes',
      columns: columnsOf('Action', 'Instance', 'AZ', 'IPs', 'First', 'Why'),
      rows,
    },
    summary:
      all.length === 0
        ? 'Nothing to change: a deploy would leave every instance as it is.'
        : `Instances to ${[...counts].map(([action, count]) => `${action}: ${count}`).join(', to ')}.`,
  };
}
