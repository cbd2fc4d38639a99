/**
 * The known name nearest to a mistyped one, or undefined when none is near: at most one edit per three letters.
 * For "did you mean" in faults.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const editsMax = Math.max(1, Math.floor(name.length / 3));
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > editsMax) continue;
    const edits = editDistance(name, candidate);
    if (edits <= editsMax && (best === undefined || edits < best.edits)) best = { candidate, edits };
  }
  return best?.candidate;
}

/** `did you mean "apps"?`, ready to be a fault's suggestion. */
export function didYouMean(name: string, known: Iterable<string>): { suggestion?: string } {
  const candidate = nearest(name, known);
  return candidate === undefined ? {} : { suggestion: `did you mean "${candidate}"?` };
}

/** More would hide the fault among its remedies. */
const shownMax = 5;

/** The same, or, where none is near, a handful of those that there are. */
export function didYouMeanOf(name: string, known: Iterable<string>): { suggestion?: string } {
  const all = [...new Set(known)].sort();
  const near = didYouMean(name, all);
  if (near.suggestion !== undefined || all.length === 0) return near;
  const shown = all.slice(0, shownMax).join(', ');
  const more = all.length > shownMax ? ` and ${all.length - shownMax} more` : '';
  return { suggestion: `there ${all.length === 1 ? 'is only' : 'are'} ${shown}${more}` };
}

/** Levenshtein, but two letters that have changed places are one edit; a row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  let above = row;
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (above[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    above = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
