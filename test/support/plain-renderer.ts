import type {
  EvaluationInput,
  JobTemplates,
  RenderOutcome,
  TemplateFault,
  TemplateRenderer,
} from '../../director/templates/renderer.ts';

/**
 * Fills in `<%= p("a.b") %>`, `<%= spec.index %>` and `<%= link("db") %>`, the whole link as JSON, and refuses all else, so that a story never rests on Ruby that it
 * did not run. Instant: for the simulator, and for stories that are not about templates.
 */
export const plainRenderer: TemplateRenderer = {
  render: (job, instances) => Promise.resolve(instances.map((instance) => renderOne(job, instance))),
  close: () => Promise.resolve(),
};

function renderOne(job: JobTemplates, { spec }: EvaluationInput): RenderOutcome {
  const faults: TemplateFault[] = [];
  const fill = (template: string, text: string) =>
    text.replace(/<%=?\s*(.*?)\s*-?%>/g, (_, code: string) => {
      const property = /^p\(["']([\w.]+)["']\)$/.exec(code)?.[1];
      const field = /^spec\.(\w+)$/.exec(code)?.[1];
      const link = /^link\(["'](\w+)["']\)$/.exec(code)?.[1];
      const value =
        property !== undefined
          ? dig(spec.properties, property)
          : field !== undefined
            ? spec[field]
            : link !== undefined
              ? spec.links[link]
              : undefined;
      if (value !== undefined && value !== null) return typeof value === 'string' ? value : JSON.stringify(value);
      faults.push({ code: 'template-raised', template, line: 1, message: `cannot fill in <%= ${code} %>` });
      return '';
    });
  const monit = Buffer.from(fill('monit', job.monit.toString()));
  const files = job.templates.map(({ source, destination, text }) => ({
    source,
    destination,
    content: Buffer.from(fill(source, text.toString())),
  }));
  return faults.length > 0 ? { ok: false, faults } : { ok: true, job: { name: job.name, monit, files } };
}

function dig(from: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      from,
    );
}
