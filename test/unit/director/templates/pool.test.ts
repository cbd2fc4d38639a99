import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../common/clock.ts';
import { silentLog } from '../../../../common/log.ts';
import { AllLanesLost, type Lane, type LaneListener, type Progress } from '../../../../director/templates/lane.ts';
import { LanePool, type LaneSource, type PoolOptions } from '../../../../director/templates/pool.ts';
import type { JobTemplates, RenderOutcome } from '../../../../director/templates/renderer.ts';

/** Answers each job with files that say which lane made them; holds its answers while `held`. */
class FakeLane implements Lane {
  listener: LaneListener | undefined;
  readonly number: number;
  readonly #world: FakeLanes;
  #job = '';
  #files = 0;
  #begun = 0;
  stopped = false;

  constructor(number: number, world: FakeLanes) {
    this.number = number;
    this.#world = world;
  }

  begin(): Promise<void> {
    this.#begun = 0;
    return Promise.resolve();
  }

  send(bytes: Uint8Array): void {
    if (this.stopped) throw new Error('a stopped lane was sent something');
    const [line = '', ...specs] = Buffer.from(bytes).toString().trimEnd().split('\n');
    const request = JSON.parse(line) as { kind: string; job: string; sources: []; first: number };
    if (request.kind === 'load') {
      this.#job = request.job;
      this.#files = request.sources.length;
      this.#world.begun.push(request.job);
      if (this.#world.breaks.get(this.#job)?.includes('load') === true) {
        return queueMicrotask(() => this.listener?.lost(new Error('it broke')));
      }
      return queueMicrotask(() => this.#answer({ done: true }));
    }
    this.#world.whenFree(() => {
      for (let n = request.first; n < request.first + specs.length; n++) {
        this.#begun++;
        if (this.#world.takesAllWithIt === this.#job) return this.#world.loseAll();
        if (this.#world.breaks.get(this.#job)?.includes(n) === true) return this.listener?.lost(new Error('it broke'));
        const text = `lane ${this.number}`;
        const sizes = Array.from({ length: this.#files }, () => text.length);
        this.#answer({ instance: n, sizes }, text.repeat(this.#files));
      }
      this.#answer({ done: true });
    });
  }

  progress(): Progress {
    return { rendersBegun: this.#begun, instance: 0, source: this.#begun > 0 ? 1 : -1 };
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.listener = undefined;
    await Promise.resolve();
  }

  #answer(header: object, body = ''): void {
    this.listener?.answer(Buffer.from(`${JSON.stringify({ ...header, bytes: body.length })}\n${body}`));
  }
}

class FakeLanes implements LaneSource {
  readonly lanes: FakeLane[] = [];
  /** Jobs, as they were begun. */
  readonly begun: string[] = [];
  /** Job to the instances whose rendering ends the lane; or loading it does. */
  readonly breaks = new Map<string, Array<number | 'load'>>();
  /** A job whose rendering ends what all lanes have in common. */
  takesAllWithIt = '';
  readonly #held: Array<() => void> = [];
  held = false;
  rests = 0;
  failing = false;

  start(): Promise<Lane> {
    if (this.failing) return Promise.reject(new Error('no memory'));
    const lane = new FakeLane(this.lanes.length, this);
    this.lanes.push(lane);
    return Promise.resolve(lane);
  }

  rest(): void {
    this.rests++;
  }

  close(): void {}

  loseAll(): void {
    for (const lane of this.lanes) lane.listener?.lost(new AllLanesLost('no process any more'));
  }

  whenFree(act: () => void): void {
    if (this.held) this.#held.push(act);
    else queueMicrotask(act);
  }

  release(): void {
    this.held = false;
    for (const act of this.#held.splice(0)) act();
  }

  get running(): number[] {
    return this.lanes.filter((lane) => !lane.stopped).map((lane) => lane.number);
  }
}

function givenPool(options: Partial<PoolOptions> = {}) {
  const source = new FakeLanes();
  const clock = new VirtualClock();
  const limits = { lanesMax: 1, pendingMax: 10, idleMs: 1_000, renderMsMax: 60_000, outputBytesMax: 1e6 };
  const pool = new LanePool(source, { ...limits, memoryMibMax: 1, ...options }, { clock, log: silentLog });
  const render = (name: string, instances = 1) => pool.render(job(name), Array.from({ length: instances }, instance));
  return { source, clock, pool, render };
}

const job = (name: string): JobTemplates => ({
  name,
  monit: '',
  templates: [{ source: 't', destination: 't', text: '' }],
});
const instance = () => ({ spec: { name: 'g', index: 0, properties: {}, links: {} } });
const said = (outcomes: RenderOutcome[]) =>
  outcomes.map((outcome) => (outcome.ok ? outcome.job.files[0]?.content.toString() : outcome.faults[0]?.code));

test('jobs begin in the order in which they came, and lanes serve again', async () => {
  const { source, render } = givenPool({ lanesMax: 2 });
  const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => render(name)));
  expect(source.begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(outcomes.every(([outcome]) => outcome?.ok)).toBe(true);
  expect(source.lanes).toHaveLength(2);
});

test('a job on many instances goes through all lanes at once, and comes back in order', async () => {
  const { source, render } = givenPool({ lanesMax: 3 });
  source.breaks.set('web', [60]); // of every share: its template is to blame
  const outcomes = said(await render('web', 250));
  expect(source.begun.slice(0, 3)).toEqual(['web', 'web', 'web']);
  expect(outcomes.map((text) => text?.startsWith('lane'))).toEqual(
    Array.from({ length: 250 }, (_, n) => n % 84 < 60), // three shares, of 84 instances and of 82
  );
});

test('a job whose lane is lost goes on in a fresh one; what was rendered stays, and others wait no more than that', async () => {
  const { source, render } = givenPool();
  source.held = true;
  source.breaks.set('broken', [2]);
  const broken = render('broken', 4);
  const other = render('other');
  await new Promise(setImmediate);
  source.release();
  await new Promise(setImmediate);
  expect(said(await broken)).toEqual(['lane 0', 'lane 0', 'template-crashed', 'template-crashed']);
  expect(said(await other)).toEqual(['lane 2']);
  expect(source.begun).toEqual(['broken', 'broken', 'other']);
});

test('a lane that broke by chance costs its job nothing', async () => {
  const { source, render } = givenPool();
  source.held = true;
  source.breaks.set('unlucky', [1]);
  const unlucky = render('unlucky', 3);
  await new Promise(setImmediate);
  source.release();
  source.breaks.clear(); // the second lane will not break
  expect(said(await unlucky)).toEqual(['lane 0', 'lane 1', 'lane 1']);
});

test('a job that ends all lanes is found out alone: those beside it are rendered, the others a little later', async () => {
  const { source, render } = givenPool({ lanesMax: 3 });
  source.takesAllWithIt = 'culprit';
  source.held = true;
  const jobs = ['culprit', 'beside', 'beside, too', 'later'].map((name) => render(name));
  for (let losses = 0; losses < 2; losses++) {
    source.held = true;
    await new Promise(setImmediate);
    source.release();
  }
  expect((await Promise.all(jobs)).map(said)).toEqual([['template-crashed'], ['lane 7'], ['lane 7'], ['lane 7']]);
  const together = ['culprit', 'beside', 'beside, too'];
  expect(source.begun).toEqual([...together, ...together, ...together, 'later']);
});

test('a job that was twice beside the culprit waits until the culprit is through; none begins beside either', async () => {
  const { source, render } = givenPool({ lanesMax: 2 });
  source.held = true;
  const turn = () => new Promise(setImmediate);
  const innocent = render('innocent');
  await turn();
  source.loseAll();
  const culprit = render('culprit');
  await turn();
  source.loseAll();
  await turn();
  expect(source.begun).toEqual(['innocent', 'culprit', 'innocent', 'culprit']); // a second time
  source.loseAll();
  await turn();
  expect(source.begun.slice(4)).toEqual(['innocent']); // alone
  source.release();
  source.held = true;
  expect(said(await innocent)).toEqual(['lane 4']);
  const later = render('later');
  await turn();
  expect(source.begun.slice(5)).toEqual(['culprit']);
  source.loseAll();
  await expect(culprit).rejects.toMatchObject({ code: 'ruby-lost' });
  await turn();
  source.release();
  expect(said(await later)).toEqual(['lane 5']);
});

test('a Ruby that is lost before a template began is no fault of one', async () => {
  const { source, render } = givenPool();
  source.breaks.set('a', ['load']);
  await expect(render('a')).rejects.toMatchObject({ code: 'ruby-lost', retryable: true, message: /it broke/ });
  expect(said(await render('b'))).toEqual(['lane 2']);
});

test('closing does not wait for those that wait to be alone', async () => {
  const { source, pool, render } = givenPool({ lanesMax: 2 });
  source.takesAllWithIt = 'culprit';
  source.held = true;
  const ends = Promise.allSettled([render('culprit'), render('beside')]);
  await new Promise(setImmediate);
  source.release();
  source.held = true;
  await new Promise(setImmediate);
  source.release();
  source.held = true; // the culprit, alone
  await new Promise(setImmediate);
  await pool.close();
  for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'renderer-closed' } });
  expect(source.running).toEqual([]);
});

test('an idle lane is let go after its time, and the next job starts another', async () => {
  const { source, clock, render } = givenPool();
  await render('a');
  await clock.advance(999);
  await render('b');
  await clock.advance(999);
  expect(source.running).toEqual([0]);
  await clock.advance(1);
  expect(source.running).toEqual([]);
  expect(source.rests).toBe(1);
  expect(said(await render('c'))).toEqual(['lane 1']);
});

test('an idle lane that ends by itself is not handed out', async () => {
  const { source, render } = givenPool();
  await render('a');
  source.lanes[0]?.listener?.lost(new Error('killed'));
  expect(said(await render('b'))).toEqual(['lane 1']);
});

test('when the last lane was lost, its source rests as late as if the lane had stayed', async () => {
  const { source, clock, render } = givenPool();
  source.breaks.set('broken', [0]);
  await render('broken');
  await clock.advance(999);
  expect(source.rests).toBe(0);
  await render('a'); // has the time begin anew
  source.lanes[2]?.listener?.lost(new Error('killed while idle'));
  await clock.advance(999);
  expect(source.rests).toBe(0);
  await clock.advance(1);
  expect([source.running, source.rests]).toEqual([[], 1]);
  await render('broken');
  await clock.advance(1_000);
  expect(source.rests).toBe(2);
});

test('closing rejects what runs and what waits, and leaves no lane', async () => {
  const { source, clock, pool, render } = givenPool({ lanesMax: 2 });
  await render('idle');
  source.held = true;
  const jobs = ['a', 'b', 'c'].map((name) => render(name));
  const ends = Promise.allSettled(jobs);
  await new Promise(setImmediate);
  await pool.close();
  for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'renderer-closed' } });
  expect(source.running).toEqual([]);
  await clock.advance(10_000);
  await expect(render('late')).rejects.toMatchObject({ code: 'renderer-closed' });
  await pool.close();
});

test('too many jobs that wait are refused, and may come again', async () => {
  const { source, render, pool } = givenPool({ pendingMax: 2 });
  source.held = true;
  const accepted = Promise.allSettled(['runs', 'waits', 'waits too'].map((name) => render(name)));
  await expect(render('one too many')).rejects.toMatchObject({ code: 'renderer-busy', retryable: true });
  await new Promise(setImmediate);
  source.release();
  expect((await accepted).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  await pool.close();
});

test('a Ruby that does not start is an error of the job, and the next one tries again', async () => {
  const { source, render } = givenPool();
  source.failing = true;
  await expect(render('a')).rejects.toMatchObject({ code: 'ruby-did-not-start', message: /no memory/ });
  source.failing = false;
  expect(said(await render('b'))).toEqual(['lane 0']);
});

test('no instances, no work', async () => {
  const { source, render } = givenPool();
  expect(await render('a', 0)).toEqual([]);
  expect(source.lanes).toEqual([]);
});
