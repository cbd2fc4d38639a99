import type { InstanceExplanation } from '../../director/api/contract/explain.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { oneInstance } from '../slugs.ts';
import { columnsOf } from '../ui/table.ts';
import { unixDate } from '../ui/format.ts';

export const explainCommands: readonly CommandSpec[] = [
  {
    name: 'explain',
    text: 'Tell why an instance is as it is, what happens to it next, and what can be done',
    args: [{ name: 'INSTANCE-GROUP/INSTANCE-ID' }],
    run: async ({ ui, globals, session }, given) => {
      const client = await session.director();
      const deployment = await session.deployment();
      const { group, instance } = oneInstance(given.arg(0));
      const path = paths.explanation(deployment, group, instance);
      const told = await fetching<InstanceExplanation>(client, 'Asking why the instance is as it is', path);
      if (!globals.json) return ui.block(textOf(told));
      ui.table({
        content: 'explanations',
        columns: columnsOf('Instance', 'Wanted', 'State', 'Reasons', 'Next', 'Options'),
        rows: [
          [
            told.instance,
            told.wanted,
            told.state,
            told.reasons.join('\n'),
            told.next.map(stepLine).join('\n'),
            told.options.map(({ command }) => command).join('\n'),
          ],
        ],
      });
    },
  },
];

function textOf({ instance, state, wanted, reasons, next, options }: InstanceExplanation): string {
  const widest = Math.max(0, ...options.map(({ command }) => command.length));
  const lines = [
    `${instance}: ${state} (wanted: ${wanted})`,
    ...reasons.map((reason) => `  ${reason}`),
    '',
    'Next, unasked',
    ...(next.length === 0 ? ['  nothing'] : next.map((step) => `  ${stepLine(step)}`)),
    ...(options.length === 0 ? [] : ['', 'What you can do']),
    ...options.map(({ command, why }) => `  ${command.padEnd(widest)}  ${why}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function stepLine({ rule, what, by }: InstanceExplanation['next'][number]): string {
  return `${rule}: ${what}${by === null ? '' : `, by ${unixDate(by)}`}`;
}
