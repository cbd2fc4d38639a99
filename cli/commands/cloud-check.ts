import type { Problem } from '../../director/api/contract/problems.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../failure.ts';
import type { Given } from '../given.ts';
import { type Answers, resolveProblems, scanForProblems } from '../problems.ts';
import { columnsOf, number } from '../ui/table.ts';
import type { Ui } from '../ui/ui.ts';

/** What is chosen for a problem that none of the resolutions that were asked for fits. */
const skip = 'ignore';

export const cloudCheckCommands: readonly CommandSpec[] = [
  {
    name: 'cloud-check',
    aliases: ['cck', 'cloudcheck'],
    text: 'Cloud consistency check and interactive repair',
    flags: [
      { name: 'auto', short: 'a', text: 'Resolve problems automatically' },
      {
        name: 'resolution',
        value: 'NAME',
        many: true,
        text: "Apply resolution of given type (e.g.: 'recreate_vm'). Can be used multiple times.",
      },
      { name: 'report', short: 'r', text: "Only generate report; don't attempt to resolve problems" },
    ],
    run: cloudCheck,
  },
];

async function cloudCheck(context: Context, given: Given): Promise<void> {
  const { ui } = context;
  const problems = await scanForProblems(context);
  ui.table({
    content: 'problems',
    columns: columnsOf('#', 'Type', 'Description'),
    rows: problems.map(({ id, type, description }) => [number(id), type, description]),
    sortBy: [{ column: 0 }],
  });
  if (problems.length === 0) return;
  if (given.on('report')) throw new CliError(`${problems.length} problem(s) found`);
  const answers = await answersOf(problems, given, ui);
  await ui.confirm();
  await resolveProblems(context, answers);
}

async function answersOf(problems: readonly Problem[], given: Given, ui: Ui): Promise<Answers> {
  if (given.on('auto')) return new Map(problems.map(({ id }) => [id, null]));
  const wanted = given.list('resolution');
  if (wanted.length > 0) return new Map(problems.map((problem) => [problem.id, fitting(problem, wanted)]));
  const answers = new Map<number, string | null>();
  for (const { id, description, resolutions } of problems) {
    const chosen = await ui.askChoice(
      description,
      resolutions.map(({ plan }) => plan),
    );
    answers.set(id, resolutions[chosen]?.name ?? skip);
  }
  return answers;
}

/** The first of those wanted, in the operator's order, that there is for this problem. */
function fitting({ resolutions }: Problem, wanted: readonly string[]): string {
  return wanted.find((each) => resolutions.some(({ name }) => name === each)) ?? skip;
}
