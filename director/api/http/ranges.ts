/** The bytes `from..to`, both included. */
export interface ByteRange {
  from: number;
  to: number;
}

/** Ranges of a header beyond these are not looked at. */
const rangesMax = 100;

/**
 * What a Range header asks of `size` bytes: everything (no, malformed or several ranges), one range, or nothing that
 * is there. As Rack's byte_ranges, which BOSH's clients were made against.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'everything' | 'unsatisfiable' {
  const specs = /^bytes=(.*)$/.exec(header ?? '')?.[1]?.split(/,\s*/);
  if (size === 0 || specs === undefined || specs.length > rangesMax) return 'everything';
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
    if (first === undefined || last === undefined || (first === '' && last === '')) return 'everything';
    if (first !== '' && last !== '' && Number(last) < Number(first)) return 'everything';
    const range = first === '' ? suffix(Number(last), size) : { from: Number(first), to: upTo(last, size) };
    if (range.from <= range.to) ranges.push(range);
  }
  const [range, ...others] = ranges;
  if (range === undefined) return 'unsatisfiable';
  return others.length > 0 ? 'everything' : range;
}

const suffix = (bytes: number, size: number): ByteRange => ({ from: Math.max(0, size - bytes), to: size - 1 });
const upTo = (last: string, size: number) => (last === '' ? size - 1 : Math.min(Number(last), size - 1));
