export type DiffStatus = 'added' | 'removed' | null;

/** Indentation counts levels of two spaces; the text may begin with more. */
export interface DiffLine {
  indent: number;
  text: string;
  status: DiffStatus;
}

/** What people look for first. Source: diff_lines.rb. */
const sectionsFirst = [
  'azs',
  'vm_types',
  'vm_extensions',
  'resource_pools',
  'compilation',
  'networks',
  'disk_types',
  'name',
  'stemcells',
  'releases',
  'update',
  'jobs',
  'release',
  'addons',
  'variables',
].map((key) => `${key}:`);

/**
 * Puts the sections in order, with an empty line between them. A section is known by the text of its first line, so
 * one of a single line (`name: web`) is never among the first, and of two that begin alike only the second is shown:
 * as in BOSH, for the sake of clients that compare.
 */
export function orderSections(lines: readonly DiffLine[]): DiffLine[] {
  const sections = new Map<string, DiffLine[]>();
  let current: DiffLine[] = [];
  for (const line of lines) {
    if (line.indent === 0 && !/^[ -]/m.test(line.text)) {
      current = [{ indent: 0, text: '', status: null }];
      sections.set(line.text, current);
    }
    current.push(line);
  }
  const first = sectionsFirst.flatMap((key) => sections.get(key) ?? []);
  for (const key of sectionsFirst) sections.delete(key);
  return [...first, ...[...sections.values()].flat()].slice(1);
}
