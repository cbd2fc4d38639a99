import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { configFile, Stand, type StandOptions } from './stand.ts';

const prefix = 'quickstart-';
/** From the making of its directory until its director has a password. */
const startMsMax = 60_000;

/** Where a quickstart keeps all that it has. @throws OperatorError `quickstart-twice` when another began beside it */
export async function newHome(root: string): Promise<string> {
  const home = await mkdtemp(join(root, prefix));
  const [other] = (await homesIn(root)).filter((each) => each !== home);
  if (other === undefined) return home;
  await rm(home, { recursive: true });
  throw alreadyRuns(other, undefined);
}

/**
 * Machines outlive a quickstart that was killed, and have the addresses that the next one needs.
 * @throws OperatorError `quickstart-twice` | `quickstart-left`
 */
export async function takeDownLeftovers(root: string, options: StandOptions): Promise<void> {
  for (const home of await homesIn(root)) {
    if (await exists(join(home, 'state', 'admin-password'))) {
      const stand = await reopened(home, options);
      options.out(`Taking down what a quickstart has left that was ended before its time: ${home}`);
      await stand.takeDown({ forced: true }).catch((cause: unknown) => leftBehind(home, cause));
    } else if (await isYoung(home)) throw alreadyRuns(home, undefined);
    await rm(home, { recursive: true, force: true });
  }
}

/** Those that a quickstart has made. */
async function homesIn(root: string): Promise<string[]> {
  const named = (await readdir(root, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && /^quickstart-[A-Za-z0-9]{6}$/.test(entry.name),
  );
  const homes = named.map(({ name }) => join(root, name));
  const ours = await Promise.all(
    homes.map(async (home) => (await exists(join(home, configFile))) || (await readdir(home)).length === 0),
  );
  return homes.filter((_, n) => ours[n]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException; // what stat throws
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw thrown;
  }
}

/** It may be about to start its director. */
async function isYoung(home: string): Promise<boolean> {
  return systemClock.now() - (await stat(home)).mtimeMs < startMsMax;
}

async function reopened(home: string, options: StandOptions): Promise<Stand> {
  try {
    return await Stand.start(home, options);
  } catch (thrown) {
    if (thrown instanceof OperatorError && thrown.code === 'state-directory-in-use') throw alreadyRuns(home, thrown);
    return leftBehind(home, thrown);
  }
}

function alreadyRuns(home: string, cause: unknown): OperatorError {
  return new OperatorError(`a quickstart is running already, in ${home}`, {
    code: 'quickstart-twice',
    hint: 'Press Ctrl-C in its terminal first: both would use the same addresses.',
    details: { home },
    cause,
  });
}

/** @throws OperatorError `quickstart-left` */
export function leftBehind(home: string, cause: unknown): never {
  throw new OperatorError(`not everything that a quickstart has deployed could be taken down: ${messageOf(cause)}`, {
    code: 'quickstart-left',
    hint: `The next quickstart tries again. Where that fails, too, end what runs below ${home} and remove it.`,
    details: { home },
    cause,
  });
}
