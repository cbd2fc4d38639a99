/** pino's numbers. */
const [warning, error] = [40, 50];

/**
 * A line of a log for people: `12:00:01 task-ended  task=7 state=done`, with `WARN` or `ERROR` before what needs a look.
 * Of several lines, such as stacks, all but the first are indented.
 */
export function logText(line: string): string {
  const { level, time, event, ...fields } = JSON.parse(line) as Record<string, unknown>; // our own log's
  const at = typeof time === 'number' ? new Date(time).toTimeString().slice(0, 8) : '';
  const mark = typeof level !== 'number' || level < warning ? '' : level < error ? 'WARN ' : 'ERROR ';
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  return `${at} ${mark}${String(event)}${shown.length === 0 ? '' : `  ${shown.join(' ')}`}\n`;
}

/** An agent or a CPI program may say anything, and a terminal would obey. */
const controls = /(?!\n)\p{Cc}/gu;

function valueText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (value.includes('\n')) return value.replace(controls, '').replaceAll('\n', '\n    ');
  return /[\s="\p{Cc}]/u.test(value) || value === '' ? JSON.stringify(value) : value;
}
