/** What BOSH keeps of a task's result. */
const resultMax = 128;

/** Longer ones end after the last whole word, with `...`. */
export function resultText(result: string): string {
  const text = result.trim();
  if (text.length <= resultMax) return text;
  return `${text.slice(0, resultMax + 1).replace(/\s+\S*$/, '')}...`;
}
