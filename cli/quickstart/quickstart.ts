import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { localMachines } from '../../director/main.ts';
import { describeError } from '../failure.ts';
import { shellWord } from '../shell-word.ts';
import { makeArtifacts } from './artifacts.ts';
import { leftBehind, newHome, takeDownLeftovers } from './leftovers.ts';
import { configFile, Stand, type StandOptions } from './stand.ts';

export interface QuickstartOptions extends Omit<StandOptions, 'seen'> {
  /** Stays up once all is shown; false: nobody is there to press Ctrl-C. */
  stay: boolean;
  /** Somebody wants it to end, wherever it is. */
  stopped: Promise<void>;
}

/** How long a greeter may take to answer once its deploy has succeeded. */
const answerWaitMs = 10_000;

/**
 * A director with every default, a release, a stemcell, a deployment: each step by the command that an operator would
 * type, shown before it runs. Everything is in one directory, and gone at the end, also when it was ended or failed half-way.
 * @throws OperatorError `quickstart-step-failed` | `quickstart-no-answer` | `quickstart-stopped` | `quickstart-twice` | `quickstart-left`
 */
export async function quickstart(given: QuickstartOptions): Promise<void> {
  const { out, color, stay, stopped } = given;
  let seen = true;
  process.once('SIGHUP', () => (seen = false));
  const options = { ...given, seen: () => seen };
  const root = process.env['GANTRY_HOME'] ?? join(homedir(), '.gantry');
  await mkdir(root, { recursive: true, mode: 0o700 });
  await takeDownLeftovers(root, options);
  const startedMs = performance.now();
  const machines = await localMachines();
  if (machines.reason !== null)
    out(pc.createColors(color).yellow(`Machines are simulated: ${machines.reason}. Nothing will really run on them.`));
  const home = await newHome(root);
  const stand = await opened(home, directorConfig(home, machines.kind), options);
  out(`A director is up at ${stand.director.url} after ${seconds(startedMs)}, with ${stand.director.infrastructure}.`);
  try {
    await unlessStopped(stopped, stand, async () => {
      await show(stand);
      if (machines.kind === 'process') out(await firstAnswer(stand));
    });
  } catch (thrown) {
    await endedEarly(stand, options, thrown);
    throw thrown;
  }
  out(`\nFrom nothing to running in ${seconds(startedMs)}.`);
  if (stay) {
    out(theWay(stand));
    await stopped;
  }
  await stand.takeDown({ forced: false }).catch((thrown: unknown) => leftBehind(home, thrown));
  await stand.remove();
  out('\nAll of it is gone again.');
}

async function show(stand: Stand): Promise<void> {
  const { release, stemcell, cloudConfig, manifest } = await makeArtifacts(join(stand.home, 'artifacts'), '1');
  await stand.gantry('upload-release', release);
  await stand.gantry('upload-stemcell', stemcell);
  await stand.gantry('-n', 'update-cloud-config', cloudConfig);
  await stand.gantry('-d', 'greeter', 'plan', manifest);
  await stand.gantry('-n', '-d', 'greeter', 'deploy', manifest);
  await stand.gantry('-d', 'greeter', 'instances');
}

async function opened(home: string, config: string, options: StandOptions): Promise<Stand> {
  try {
    await writeFile(join(home, configFile), config);
    return await Stand.start(home, options);
  } catch (thrown) {
    await rm(home, { recursive: true, force: true }); // nothing is deployed
    throw thrown;
  }
}

/** Comes back when the show has ended, whatever ended it. @throws OperatorError `quickstart-stopped` */
async function unlessStopped(stopped: Promise<void>, stand: Stand, showing: () => Promise<void>): Promise<void> {
  let shows = true;
  void stopped.then(() => {
    if (shows) stand.stop(stoppedEarly()); // else it is being taken down anyway
  });
  try {
    await showing();
  } catch (thrown) {
    throw stand.stopping.aborted ? stand.stopping.reason : thrown;
  } finally {
    shows = false;
  }
}

function stoppedEarly(): OperatorError {
  return new OperatorError('the quickstart was stopped before it had shown everything', {
    code: 'quickstart-stopped',
    hint: 'Nothing of it is left.',
  });
}

/** Whoever is there may look at what failed; else its logs are kept. */
async function endedEarly(stand: Stand, { out, stay, stopped }: QuickstartOptions, thrown: unknown): Promise<void> {
  const failed = !(thrown instanceof OperatorError && thrown.code === 'quickstart-stopped');
  if (failed && stay) {
    out(`\n${describeError(thrown)}\n${theWay(stand)}`);
    await stopped;
  }
  out(`\nTaking everything down again. Ctrl-C once more leaves it as it is; the next quickstart takes it down then.`);
  if (failed)
    await stand.keepLogs().catch((cause: unknown) => out(`The logs of the jobs are lost: ${messageOf(cause)}`));
  await stand.takeDown({ forced: true }).catch((cause: unknown) => {
    if (failed && !stay) out(`\n${describeError(thrown)}`); // the other is what is told last
    leftBehind(stand.home, cause);
  });
  if (failed && !stay)
    out(`\nThe logs of the director and of its jobs are kept until the next quickstart: ${stand.home}`);
  else await stand.remove();
}

function directorConfig(home: string, machines: string): string {
  return [
    `state_directory: ${JSON.stringify(join(home, 'state'))}`,
    'listen: {port: 0, hostnames: [127.0.0.1, localhost]}',
    'bus: {kind: embedded, port: 0}',
    `cpi: {kind: memory, machines: ${machines}}`,
    '',
  ].join('\n');
}

/** The address where the deployed service answers, and what it says. */
async function firstAnswer({ home, stopping }: Stand): Promise<string> {
  const url = 'http://127.77.1.2:8080/';
  const deadlineMs = performance.now() + answerWaitMs;
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.any([stopping, AbortSignal.timeout(2_000)]) });
      return `\n$ curl ${url}\n${await answer.text()}`;
    } catch (thrown) {
      stopping.throwIfAborted();
      if (performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 200));
      else
        throw new OperatorError(`the greeter does not answer at ${url}: ${messageOf(thrown)}`, {
          code: 'quickstart-no-answer',
          hint: `Look at its log, below ${home}.`,
        });
    }
  }
}

function theWay({ envFile }: Stand): string {
  return (
    `\nPoint \`gantry\` or \`bosh\` at it, in another terminal:\n\n  . ${shellWord(envFile)}\n  gantry -d greeter instances --ps\n\n` +
    'Ctrl-C takes everything down again.'
  );
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
