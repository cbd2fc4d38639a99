import type { Section } from './section.ts';

/** A fault for each section whose name another one before it has. Names that are empty were at fault already. */
export function refuseDuplicates(
  named: readonly { name: string; section: Section }[],
  { boshCode, what, key = 'name' }: { boshCode: number; what: string; key?: string },
): void {
  const seen = new Map<string, Section>();
  for (const { name, section } of named) {
    if (name === '') continue;
    const before = seen.get(name);
    if (before === undefined) {
      seen.set(name, section);
      continue;
    }
    const line = before.document.lineOf([...before.path, key]);
    const where = line === undefined ? before.path.join('.') : `${before.path.join('.')}, line ${line}`;
    section.fault(section.has(key) ? key : null, {
      message: `there is a ${what} "${name}" already (${where})`,
      boshCode,
    });
  }
}
