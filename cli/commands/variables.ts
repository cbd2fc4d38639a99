import { paths } from '../../director/api/contract/paths.ts';
import type { Variable } from '../../director/api/contract/variables.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { columnsOf } from '../ui/table.ts';

export const variableCommands: readonly CommandSpec[] = [
  {
    name: 'variables',
    aliases: ['vars'],
    text: 'List variables',
    run: async ({ ui, session }) => {
      const name = await session.deployment();
      const path = paths.variables(name);
      const what = `Error fetching variables for deployment '${name}'`;
      const variables = await fetching<Variable[]>(await session.director(), what, path);
      ui.table({
        content: 'variables',
        columns: columnsOf('ID', 'Name'),
        rows: variables.map(({ id, name: variable }) => [id, variable]),
        sortBy: [{ column: 1 }],
      });
    },
  },
];
