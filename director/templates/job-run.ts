import { systemClock } from '../../common/clock.ts';
import { ask, LaneLost, LaneTooSlow, type Lane } from './lane.ts';
import { loadRequest, renderRequest, specJson, type Answer, type FaultsFrame, type RenderedFrame } from './frames.ts';
import { linksFile } from './links-file.ts';
import type { DnsTables, EvaluationInput, JobTemplates, RenderOutcome, TemplateFault } from './renderer.ts';

export interface RenderLimits {
  /** For one template of one instance. */
  readonly renderMsMax: number;
  /** All files of one job on one instance together. */
  readonly outputBytesMax: number;
  /** Of WebAssembly memory; a native Ruby has none. */
  readonly memoryMibMax: number;
}

/** What goes to Ruby at once: enough to keep it busy, little enough to be made and read without holding up others. */
const BATCH_INSTANCES_MAX = 64;
const BATCH_CHARS_MAX = 256 * 1024;
/** For a new VM and the compilation of the sources: no template runs yet, and 0.1 s is usual. */
const LOAD_MS_MAX = 60_000;
/** A line of sizes or faults beside the files themselves. */
const ANSWER_OVERHEAD_BYTES = 8 * 1024 * 1024;

/**
 * One job on its way through one lane, or through a second one when the first is lost: outcomes that are there stay.
 * The limit on time is measured in real time even where the rest of the director runs in virtual time, because it is
 * another thread's processor that is used up.
 */
export class JobRun {
  readonly #job: JobTemplates;
  readonly #instances: readonly EvaluationInput[];
  readonly #dns: DnsTables | undefined;
  readonly #limits: RenderLimits;
  readonly #outcomes: RenderOutcome[] = [];

  constructor(
    job: JobTemplates,
    instances: readonly EvaluationInput[],
    dns: DnsTables | undefined,
    limits: RenderLimits,
  ) {
    this.#job = job;
    this.#instances = instances;
    this.#dns = dns;
    this.#limits = limits;
  }

  get outcomes(): RenderOutcome[] {
    return this.#outcomes;
  }

  /** Renders what has no outcome yet. @throws LaneLost when the lane failed us and another may do better */
  async on(lane: Lane): Promise<void> {
    try {
      await lane.begin();
      await this.#ask(lane, loadRequest(this.#job, this.#limits, this.#dns), LOAD_MS_MAX);
      while (this.#outcomes.length < this.#instances.length) {
        await this.#ask(lane, this.#nextBatch(), this.#limits.renderMsMax);
      }
    } catch (error) {
      if (!(error instanceof LaneTooSlow) || lane.progress().source < 0) throw error;
      // The lane is of no use any more, and to begin again would take as long again.
      this.fail(this.#fault(lane, 'template-timeout', `it ran longer than ${this.#limits.renderMsMax / 1000} s`));
      throw new LaneSpent('a template did not end', { cause: error });
    }
  }

  /** For a repeated loss: the template that was being rendered is to blame. @returns false when there was none */
  failCrashed(lane: Lane, cause: Error): boolean {
    if (lane.progress().source < 0) return false;
    this.fail(this.#fault(lane, 'template-crashed', `it ended the Ruby that it ran in (${cause.message})`));
    return true;
  }

  /** Every instance that has no outcome gets this one: what is true of a template here is true of it there. */
  fail(fault: TemplateFault): void {
    while (this.#outcomes.length < this.#instances.length) this.#outcomes.push({ ok: false, faults: [fault] });
  }

  #ask(lane: Lane, request: Uint8Array, renderMsMax: number): Promise<void> {
    const limits = { renderMsMax, answerBytesMax: this.#limits.outputBytesMax + ANSWER_OVERHEAD_BYTES };
    return ask(lane, request, limits, systemClock, (answer) => this.#take(answer));
  }

  #nextBatch(): Uint8Array {
    const first = this.#outcomes.length;
    const specs: string[] = [];
    let chars = 0;
    for (const { spec } of this.#instances.slice(first, first + BATCH_INSTANCES_MAX)) {
      if (chars > BATCH_CHARS_MAX) break;
      const json = specJson(spec);
      specs.push(json);
      chars += json.length;
    }
    return renderRequest(first, specs);
  }

  #take(answer: Answer): void {
    if ('done' in answer) return;
    const at = this.#outcomes.length;
    const instance = this.#instances[at];
    if (answer.instance !== at || instance === undefined) throw new Error(`an answer for instance ${answer.instance}`);
    this.#outcomes.push('files' in answer ? this.#rendered(answer, instance) : this.#faulty(answer));
  }

  #rendered({ files: [monit, ...contents] }: RenderedFrame, { provides = [] }: EvaluationInput): RenderOutcome {
    const { name, templates } = this.#job;
    if (monit === undefined || contents.length !== templates.length) throw new Error('an answer with too few files');
    const files = contents.map((content, at) => {
      const { source, destination } = templates[at] as JobTemplates['templates'][number]; // as many as contents
      return { source, destination, content };
    });
    return { ok: true, job: { name, monit, files: [...files, linksFile(provides)] } };
  }

  #faulty({ faults }: FaultsFrame): RenderOutcome {
    return {
      ok: false,
      faults: faults.map(({ kind, source, line, message }) => ({
        ...this.#explain(kind, String(message)),
        template: this.#nameOf(source),
        line: /^\d+$/.test(line ?? '') ? Number(line) : null,
      })),
    };
  }

  #explain(kind: string, message: string): Pick<TemplateFault, 'code' | 'message'> {
    const { memoryMibMax, outputBytesMax } = this.#limits;
    switch (kind) {
      case 'out-of-memory':
        return {
          code: 'template-out-of-memory',
          message: `it needs more memory than the ${memoryMibMax} MiB there are`,
        };
      case 'too-large':
        return {
          code: 'template-output-too-large',
          message: `the job's files come to more than ${outputBytesMax} bytes`,
        };
      default:
        return { code: 'template-raised', message };
    }
  }

  #fault(lane: Lane, code: TemplateFault['code'], message: string): TemplateFault {
    return { code, template: this.#nameOf(lane.progress().source), line: null, message };
  }

  #nameOf(source: number): string {
    return source <= 0 ? 'monit' : (this.#job.templates[source - 1]?.source ?? 'monit');
  }
}

/** The lane has to go, and the run is at its end. */
export class LaneSpent extends LaneLost {}
