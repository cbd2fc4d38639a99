import type { ProvidedLink, RenderedFile } from './renderer.ts';

const PATH = '.bosh/links.json';

/** Rendered into every job beside its own templates: from it the agent tells bosh-dns which groups this job is in. */
export function linksFile(provides: readonly ProvidedLink[]): RenderedFile {
  const links = [...provides]
    .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0)) // digits, as text
    .map(({ name, type, group }) => ({ name, type, group }));
  return { source: PATH, destination: PATH, content: Buffer.from(`${JSON.stringify(links, null, 2)}\n`) };
}
