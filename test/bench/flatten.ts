import type { Figure } from './figure.ts';

/** `{ attached: { callsPerSecond: 1 } }` as a list; the end of a name is its unit. */
export function flatten(figures: object, prefix = ''): Figure[] {
  return Object.entries(figures).flatMap(([name, value]: [string, unknown]) => {
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    const what = prefix === '' ? words : `${prefix}: ${words}`;
    if (typeof value === 'number') return [{ what, value, unit: unitOf(name) }];
    return typeof value === 'object' && value !== null ? flatten(value, what) : [];
  });
}

function unitOf(name: string): string {
  if (/Ms|^ms/.test(name)) return 'ms';
  if (/Mib/.test(name)) return 'MiB';
  if (/Kib/.test(name)) return 'KiB';
  if (/[bB]ytes/.test(name)) return 'bytes';
  return /per(Cpu)?S/i.test(name) ? 'per s' : '';
}
