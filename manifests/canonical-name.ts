/** The name as DNS has it. Source: dns/canonicalizer.rb. */
export function canonicalName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/[^a-z0-9-]/g, '');
}

/** What is wrong with it as a DNS label; undefined: nothing. */
export function canonicalNameFault(name: string): { message: string; boshCode: number } | undefined {
  const canonical = canonicalName(name);
  const end = canonical.startsWith('-') ? 'start' : canonical.endsWith('-') ? 'end' : undefined;
  if (end === undefined) return undefined;
  return {
    message: `"${name}" is "${canonical}" in DNS, and a name there can't ${end} with a hyphen`,
    boshCode: 420001,
  };
}
