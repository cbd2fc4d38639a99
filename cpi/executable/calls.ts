import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import {
  awaitRun,
  checkExecutable,
  preventRun,
  requestIdOf,
  runDefaults,
  runState,
  startRun,
  type RunEnd,
  type RunLimits,
} from './program.ts';
import { creating, parseAnswer, type WireMethod, type WireRequest } from './wire.ts';

/**
 * The runs of one CPI program, each in a folder below one directory, so that a director that was killed finds what
 * became of its calls.
 *
 * A call that makes something is kept after its end: the director may be killed between hearing the cid and recording
 * it. One that has a name of ours (create_vm by its agent id, create_disk) is found by that name. The others
 * (create_stemcell, snapshot_disk, …) can't be asked for again; `kept` lists what they made.
 *
 * INVARIANTS
 * - One folder per name and one run per folder; in this process, one call at a time deals with it.
 * - While a run of an earlier process is under way, no call starts that names one of the same things.
 */
export class Calls {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #limits: (method: WireMethod) => RunLimits;
  /** What each run of an earlier process is about, and its end. */
  readonly #leftovers = new Map<string, { names: string[]; ended: Promise<unknown> }>();
  #opened: Promise<void> | undefined;
  #prunedAtMs = 0;

  constructor(directory: string, clock: Clock, limits: (method: WireMethod) => RunLimits) {
    this.#directory = directory;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Runs the program. With a `name`, its folder stays, and `ended` finds it. */
  async run(program: string, request: WireRequest, call: Call): Promise<RunEnd> {
    await this.#open();
    await checkExecutable(program);
    await this.#awaitLeftovers(request);
    await call.begins();
    const folder = this.#folder(call.name ?? `${request.method}-${call.requestId}`);
    const { exited } = await startRun(folder, program, {
      request: JSON.stringify(request),
      requestId: call.requestId,
    });
    const end = await this.#await(folder, request.method, call.onStderr, exited);
    const keep = creating.has(request.method) && (end.state !== 'ended' || succeeded(end));
    if (!keep) await rm(folder, { recursive: true, force: true });
    await this.#prune();
    return end;
  }

  /** The end of the run of this name, waited for; undefined when there is none, or it never began. */
  async ended(
    name: string,
    method: WireMethod,
    onStderr: (text: string) => void,
  ): Promise<(RunEnd & { requestId: string }) | undefined> {
    await this.#open();
    const folder = this.#folder(name);
    const state = await runState(folder, this.#clock);
    if (state === 'absent') return undefined;
    if (state === 'unstarted' && (await preventRun(folder))) return undefined;
    return { ...(await this.#await(folder, method, onStderr)), requestId: await requestIdOf(folder) };
  }

  timeLimitMs(method: WireMethod): number {
    return this.#limits(method).timeMs;
  }

  async forget(name: string): Promise<void> {
    await rm(this.#folder(name), { recursive: true, force: true });
  }

  /** A label on a kept call, by which `forgetLabelled` finds it after any number of restarts. */
  async label(name: string, text: string): Promise<void> {
    await mkdir(join(this.#directory, 'labels'), { recursive: true, mode: 0o700 });
    await writeFile(this.#labelPath(text), name);
  }

  async forgetLabelled(text: string): Promise<void> {
    const name = await readFile(this.#labelPath(text), 'utf8').catch(() => undefined);
    if (name === undefined) return;
    await this.forget(name);
    await rm(this.#labelPath(text), { force: true });
  }

  /** What was made lately, as the program answered. For whoever looks for a disk that no record tells of. */
  async kept(): Promise<KeptAnswer[]> {
    const answers: KeptAnswer[] = [];
    for (const folder of await this.#folders()) {
      const answer = await readFile(join(folder.path, 'answer.json'), 'utf8').catch(() => '');
      const parsed = tryParse(answer, folder.method);
      if (parsed !== undefined) answers.push({ method: folder.method, atMs: folder.atMs, result: parsed.result });
    }
    return answers;
  }

  #await(folder: string, method: WireMethod, onStderr: (text: string) => void, exited?: Promise<void>) {
    const limits = this.#limits(method);
    return awaitRun(folder, { limits, clock: this.#clock, onStderr, ...(exited === undefined ? {} : { exited }) });
  }

  #open(): Promise<void> {
    this.#opened ??= this.#findLeftovers().catch((error: unknown) => {
      this.#opened = undefined; // the next call tries again
      throw error;
    });
    return this.#opened;
  }

  /** The runs of earlier processes; what had not begun never will, for nobody waits for it any more. */
  async #findLeftovers(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const { name, path, method } of await this.#folders()) {
      const state = await runState(path, this.#clock);
      if (state === 'ended' || state === 'died') continue;
      if (state === 'unstarted' && (await preventRun(path))) continue;
      await this.#leave(name, path, method);
    }
  }

  async #leave(name: string, path: string, method: WireMethod): Promise<void> {
    const names = await namesOf(path);
    const ended = this.#await(path, method, () => {}).finally(() => this.#leftovers.delete(name));
    ended.catch(() => {}); // whoever waits hears of it; nobody may
    this.#leftovers.set(name, { names, ended });
  }

  async #awaitLeftovers(request: WireRequest): Promise<void> {
    const names = textsOf(request.arguments);
    const inTheWay = [...this.#leftovers.values()].filter((left) => left.names.some((name) => names.includes(name)));
    await Promise.allSettled(inTheWay.map(({ ended }) => ended));
  }

  async #prune(): Promise<void> {
    const now = this.#clock.now();
    if (now - this.#prunedAtMs < pruneEveryMs) return;
    this.#prunedAtMs = now;
    for (const { path, atMs } of await this.#folders()) {
      const state = await runState(path, this.#clock);
      const keepMs = state === 'died' ? keepUnansweredMs : keepAnsweredMs;
      if (state !== 'running' && now - atMs > keepMs) await rm(path, { recursive: true, force: true });
    }
    const labels = join(this.#directory, 'labels');
    for (const label of await readdir(labels).catch(() => [])) {
      const { mtimeMs } = await stat(join(labels, label));
      if (now - mtimeMs > keepAnsweredMs) await rm(join(labels, label), { force: true });
    }
  }

  async #folders(): Promise<Array<{ name: string; path: string; method: WireMethod; atMs: number }>> {
    const folders = [];
    for (const name of await readdir(this.#directory)) {
      const method = /^([a-z_]+)-/.exec(name)?.[1];
      if (method === undefined) continue;
      const path = join(this.#directory, name);
      const found = await stat(path).catch(() => undefined); // another call may remove it meanwhile
      // Folders are named by `#folder`, so what is before the dash is a method
      if (found !== undefined) folders.push({ name, path, method: method as WireMethod, atMs: found.mtimeMs });
    }
    return folders;
  }

  #folder(name: string): string {
    return join(this.#directory, safeName(name));
  }

  #labelPath(text: string): string {
    return join(this.#directory, 'labels', createHash('sha256').update(text).digest('hex'));
  }
}

export interface Call {
  requestId: string;
  name?: string;
  /** When all that it waited for is over; it may still refuse. */
  begins: () => Promise<void>;
  onStderr: (text: string) => void;
}

export interface KeptAnswer {
  method: WireMethod;
  atMs: number;
  result: unknown;
}

/** Long enough for a director to come back and record what it heard, or for a human to look. */
const keepAnsweredMs = 24 * 3_600_000;
/** Nobody knows what came of these; each names a VM that may exist. */
const keepUnansweredMs = 30 * 24 * 3_600_000;
const pruneEveryMs = 3_600_000;

export function limitsOf(timeMs: number): RunLimits {
  return { ...runDefaults, timeMs };
}

function succeeded({ answer }: RunEnd): boolean {
  return answer === null || tryParse(answer, 'create_vm')?.error == null;
}

function tryParse(text: string, method: WireMethod) {
  try {
    return parseAnswer(text, { method, requestId: '' });
  } catch {
    return undefined;
  }
}

async function namesOf(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'request.json'), 'utf8').catch(() => '{"arguments":[]}');
  return textsOf((JSON.parse(text) as WireRequest).arguments); // we wrote it
}

/** Agent ids and cids are arguments of their own in every method. */
function textsOf(given: unknown[]): string[] {
  return given.filter((value): value is string => typeof value === 'string');
}

function safeName(name: string): string {
  if (/^[\w.-]{1,120}$/.test(name)) return name;
  const method = name.slice(0, name.indexOf('-'));
  return `${method}-${createHash('sha256').update(name).digest('hex')}`;
}
