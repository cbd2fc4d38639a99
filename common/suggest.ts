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

/** Levenshtein, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
