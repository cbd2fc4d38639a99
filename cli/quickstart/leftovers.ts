import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { configFile, Stand, type StandOptions } from './stand.ts';

export const homePrefix = 'quickstart-';
/** From the making of its directory until its director has a password. */
const startMsMax = 60_000;

/**
 * Machines outlive a quickstart that was killed, and have the addresses that the next one needs.
 * @throws OperatorError `quickstart-twice`
 */
export async function takeDownLeftovers(root: string, options: StandOptions): Promise<void> {
  for (const name of (await readdir(root)).filter((entry) => entry.startsWith(homePrefix))) {
    const home = join(root, name);
    if (!(await holdsState(home))) {
      if (await isYoung(home)) throw alreadyRuns(home, undefined);
    } else {
      options.out(`Taking down what a quickstart has left that was ended before its time: ${home}`);
      await (await reopened(home, options)).takeDown({ forced: true });
    }
    await rm(home, { recursive: true, force: true });
  }
}

/** It may be about to start its director. */
async function isYoung(home: string): Promise<boolean> {
  return systemClock.now() - (await stat(home)).mtimeMs < startMsMax;
}

function alreadyRuns(home: string, cause: unknown): OperatorError {
  return new OperatorError(`a quickstart is running already, in ${home}`, {
    code: 'quickstart-twice',
    hint: 'Press Ctrl-C in its terminal first: both would use the same addresses.',
    details: { home },
    cause,
  });
}

async function holdsState(home: string): Promise<boolean> {
  return stat(join(home, 'state', 'admin-password')).then(
    () => true,
    () => false,
  );
}

async function reopened(home: string, options: StandOptions): Promise<Stand> {
  try {
    return await Stand.start(home, options);
  } catch (thrown) {
    if (thrown instanceof OperatorError && thrown.code === 'state-directory-in-use') {
      throw alreadyRuns(home, thrown);
    }
    throw new OperatorError(`what a former quickstart has left in ${home} cannot be taken down: ${messageOf(thrown)}`, {
      code: 'quickstart-left',
      hint: `End what runs below ${join(home, 'state')} and remove ${home}.`,
      details: { home, config: join(home, configFile) },
      cause: thrown,
    });
  }
}
