import type { ErrandList, ErrandRunResult, RunErrandRequest } from '../../director/api/contract/access.ts';
import { mediaTypes, paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import type { Given } from '../given.ts';
import { groupAndInstance } from '../slugs.ts';
import { columnsOf, number } from '../ui/table.ts';

export const errandCommands: readonly CommandSpec[] = [
  {
    name: 'errands',
    aliases: ['es'],
    text: 'List errands',
    run: async ({ ui, session }) => {
      const client = await session.director();
      const deployment = await session.deployment();
      const errands = await fetching<ErrandList>(client, 'Finding errands', paths.errands(deployment));
      ui.table({
        content: 'errands',
        columns: columnsOf('Name'),
        rows: errands.map(({ name }) => [name]),
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'run-errand',
    text: 'Run errand',
    args: [{ name: 'NAME' }],
    flags: [
      {
        name: 'instance',
        value: 'INSTANCE-GROUP[/INSTANCE-ID]',
        many: true,
        text: 'Instance or group the errand should run on (must specify errand by release job name)',
      },
      { name: 'keep-alive', text: 'Use existing VM to run an errand and keep it after completion' },
      {
        name: 'when-changed',
        text: 'Run errand only if errand configuration has changed or if the previous run was unsuccessful',
      },
      {
        name: 'with-heartbeat',
        value: 'SECONDS',
        whenBare: '30',
        text: "Print task state every N seconds while waiting. Use '=' to specify interval",
      },
      { name: 'download-logs', text: 'Download logs' },
      { name: 'logs-dir', value: 'DIR', text: 'Destination directory for logs', fallback: '.' },
    ],
    run: runErrand,
  },
];

async function runErrand(context: Context, given: Given): Promise<void> {
  const { session } = context;
  const errand = given.arg(0);
  const request: RunErrandRequest = {
    'keep-alive': given.on('keep-alive'),
    'when-changed': given.on('when-changed'),
    instances: given.list('instance').map(filterOf),
  };
  const heartbeatS = given.on('with-heartbeat') ? secondsOf(given.text('with-heartbeat')) : undefined;
  await session.director();
  const deployment = await session.deployment();
  const call = {
    method: 'POST',
    path: paths.errandRuns(deployment, errand),
    headers: { 'content-type': mediaTypes.json },
    body: JSON.stringify(request),
  } as const;
  const options = heartbeatS === undefined ? {} : { heartbeatMs: heartbeatS * 1000 };
  const output = await during(`Running errand '${errand}'`, session.run(call, options));
  const results = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ErrandRunResult); // the contract's
  showResults(context, results);
  if (given.on('download-logs')) await downloadLogs(context, results, { errand, dir: given.text('logs-dir') || '.' });
  const failed = results.findLast(({ exit_code: code }) => code !== 0);
  if (failed !== undefined) throw new CliError(failureOf(errand, failed.exit_code));
}

function filterOf(slug: string): { group: string; id?: string } {
  const { group, instance } = groupAndInstance(slug);
  if (group === '') throw new CliError(`Expected instance '${slug}' to specify non-empty name`);
  return instance === '' ? { group } : { group, id: instance };
}

function secondsOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new CliError(`invalid argument for flag \`--with-heartbeat' (expected int): "${text}"`);
}

function showResults({ ui }: Context, results: readonly ErrandRunResult[]): void {
  ui.table({
    content: 'errand(s)',
    columns: columnsOf('Instance', 'Exit Code', 'Stdout', 'Stderr'),
    rows: results.map(({ instance: { group, id }, exit_code: code, stdout, stderr }) => [
      `${group}/${id}`,
      number(code),
      stdout,
      stderr,
    ]),
    sortBy: [{ column: 0 }],
    notes: [],
    transposed: true,
  });
}

async function downloadLogs(
  context: Context,
  results: readonly ErrandRunResult[],
  { errand: prefix, dir }: { errand: string; dir: string },
): Promise<void> {
  const { downloadResource } = await import('../download.ts');
  for (const { logs } of results) {
    if (logs.blobstore_id === null) continue;
    const blob = { blobId: logs.blobstore_id, digest: logs.sha1 ?? '', prefix, dir };
    await during('Downloading errand logs', downloadResource(context, blob));
  }
}

/** Above 128 a signal was the end. */
function failureOf(errand: string, code: number): string {
  return `Errand '${errand}' ${code > 128 ? 'was canceled' : 'completed with error'} (exit code ${code})`;
}
