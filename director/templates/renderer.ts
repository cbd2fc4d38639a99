/**
 * Job templates are Ruby, so they run in Ruby: in a WebAssembly sandbox (sandbox/) or, by configuration, in a native
 * child (native.ts). ADR: "Ruby templates in WebAssembly".
 */
export interface TemplateRenderer {
  /**
   * Renders all templates of one job for any number of instances; the templates are compiled once. What goes wrong in a
   * template is an outcome of its instance, so that a deploy can report all faults together (template-errors.ts).
   * Nothing is kept between two calls, and calls that wait are served in order.
   * @returns one outcome per instance, in their order
   * @throws OperatorError `renderer-closed` | `renderer-busy` | `ruby-did-not-start` | `ruby-lost`; all retryable
   */
  render(job: JobTemplates, instances: readonly EvaluationInput[], dns?: DnsTables): Promise<RenderOutcome[]>;

  /** Ends everything that runs; calls that wait fail with `renderer-closed`. May be repeated. */
  close(): Promise<void>;
}

/** The sources of one job, as its archive holds them. */
export interface JobTemplates {
  readonly name: string;
  /** The text of `monit`; empty where the job has none. */
  readonly monit: string | Uint8Array;
  readonly templates: readonly TemplateSource[];
}

export interface TemplateSource {
  /** Its path under `templates/`: errors name it. */
  readonly source: string;
  /** Its path under `/var/vcap/jobs/<job>/`. */
  readonly destination: string;
  readonly text: string | Uint8Array;
}

/** What differs from instance to instance. */
export interface EvaluationInput {
  readonly spec: TemplateSpec;
  /** What this job provides on this instance; it is told to bosh-dns by `.bosh/links.json`. */
  readonly provides?: readonly ProvidedLink[];
}

/**
 * What templates see as `spec` (template-spec.ts makes it), narrowed to one job: its properties (job-properties.ts) and
 * the links that it consumes, by name. In the words of the wire, since releases read it.
 */
export interface TemplateSpec {
  readonly name: string;
  readonly index: number;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly links: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface ProvidedLink {
  readonly name: string;
  readonly type: string;
  /** The number of the DNS group, as text. */
  readonly group: string;
}

/** The director's numbers for what `link.address` puts into a DNS query. What is missing here fails in the template. */
export interface DnsTables {
  readonly azs: Readonly<Record<string, number>>;
  readonly networks: Readonly<Record<string, number>>;
  /** By instance UUID; only queries for one instance need it. */
  readonly instances?: Readonly<Record<string, number>>;
  readonly groups: ReadonlyArray<
    readonly [type: 'instance-group' | 'link', name: string, deployment: string, number: number]
  >;
}

export type RenderOutcome = { ok: true; job: RenderedJob } | { ok: false; faults: TemplateFault[] };

export interface RenderedJob {
  readonly name: string;
  readonly monit: Buffer;
  readonly files: readonly RenderedFile[];
}

export interface RenderedFile {
  readonly source: string;
  readonly destination: string;
  readonly content: Buffer;
}

export interface TemplateFault {
  readonly code:
    | 'template-raised'
    | 'template-timeout'
    | 'template-out-of-memory'
    | 'template-output-too-large'
    | 'template-crashed';
  /** Path of the source, or `monit`. */
  readonly template: string;
  /** In the source, from 1; null when Ruby cannot tell. */
  readonly line: number | null;
  readonly message: string;
}
