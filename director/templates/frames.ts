import { rubyJson } from './ruby-json.ts';
import type { DnsTables, JobTemplates, TemplateSpec } from './renderer.ts';

/**
 * The messages between us and one Ruby: a line of JSON and, behind it, as many raw bytes as it says. sandbox/serve.rb
 * is the other end.
 */
export type Answer = { done: true } | RenderedFrame | FaultsFrame;

/** The files of one instance, `monit` first, in the order of the sources. */
export interface RenderedFrame {
  readonly instance: number;
  readonly files: readonly Buffer[];
}

export interface FaultsFrame {
  readonly instance: number;
  readonly faults: ReadonlyArray<{ kind: string; source: number; line: string | null; message: string }>;
}

export function loadRequest(job: JobTemplates, limits: { outputBytesMax: number }, dns?: DnsTables): Uint8Array {
  const sources = [
    { path: 'monit', text: Buffer.from(job.monit) },
    ...job.templates.map(({ source, text }) => ({ path: source, text: Buffer.from(text) })),
  ];
  return request(
    {
      kind: 'load',
      job: job.name,
      sources: sources.map(({ path, text }) => ({ path, bytes: text.length })),
      output_bytes_max: limits.outputBytesMax,
      dns: dns ?? null,
    },
    sources.map(({ text }) => text),
  );
}

/** @param specs of the instances from `first` on, each already JSON */
export function renderRequest(first: number, specs: readonly string[]): Uint8Array {
  return request({ kind: 'render', first }, [Buffer.from(specs.map((spec) => `${spec}\n`).join(''))]);
}

export function endRequest(): Uint8Array {
  return request({ kind: 'end' }, []);
}

export function specJson(spec: TemplateSpec): string {
  return rubyJson(spec);
}

function request(header: Record<string, unknown>, bodies: readonly Uint8Array[]): Uint8Array {
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  return Buffer.concat([Buffer.from(`${rubyJson({ ...header, bytes })}\n`), ...bodies]);
}

/** Puts answers together from chunks as they come. A template can break into its own VM, so nothing is taken on trust. */
export class AnswerReader {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Of the answer whose body is still coming. */
  #header: Header | undefined;
  #bodyBytes = 0;
  readonly #bytesMax: number;

  /** @param bytesMax of one answer, its line included */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @throws Error when this is not the protocol */
  *read(chunk: Uint8Array): Generator<Answer> {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#length += chunk.length;
    for (let fresh: Uint8Array = chunk; this.#header !== undefined || fresh.includes(NEWLINE);) {
      this.#header ??= this.#readHeader();
      if (this.#length < this.#bodyBytes) break;
      const answer = answerOf(this.#header, this.#take(this.#bodyBytes));
      this.#header = undefined;
      fresh = this.#chunks[0] ?? new Uint8Array();
      yield answer;
    }
    if (this.#length > this.#bytesMax) throw new Error(`an answer of more than ${this.#bytesMax} bytes`);
  }

  #readHeader(): Header {
    const line = this.#take(this.#all().indexOf(NEWLINE) + 1);
    const header = JSON.parse(line.toString('utf8')) as Header; // each field is looked at before it is used
    this.#bodyBytes = count(header.bytes);
    if (this.#bodyBytes > this.#bytesMax) throw new Error(`an answer announces ${this.#bodyBytes} bytes`);
    return header;
  }

  #all(): Buffer {
    const [first] = this.#chunks;
    const all = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #take(bytes: number): Buffer {
    const all = this.#all();
    this.#chunks = all.length === bytes ? [] : [all.subarray(bytes)];
    this.#length = all.length - bytes;
    return all.subarray(0, bytes);
  }
}

interface Header {
  readonly bytes?: unknown;
  readonly done?: unknown;
  readonly instance?: unknown;
  readonly sizes?: unknown;
  readonly faults?: unknown;
}

const NEWLINE = 0x0a;

function answerOf({ done, instance, sizes, faults }: Header, body: Buffer): Answer {
  if (done === true) return { done };
  if (Array.isArray(faults)) return { instance: count(instance), faults: faults as FaultsFrame['faults'] };
  if (!Array.isArray(sizes)) throw new Error('an answer without files or faults');
  let at = 0;
  const files = sizes.map((bytes: unknown) => body.subarray(at, (at += count(bytes))));
  if (at !== body.length) throw new Error(`an answer with files of ${at} bytes in ${body.length}`);
  return { instance: count(instance), files };
}

function count(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`an answer says ${JSON.stringify(value)} where a count belongs`);
}
