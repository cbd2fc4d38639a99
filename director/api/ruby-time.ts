/** As Ruby's Time#to_s in UTC, which the CLI parses: `2016-01-09 06:23:25 UTC`. */
export function rubyTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** ISO 8601 to the second, as Ruby's iso8601. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/**
 * A time as a user gives it: seconds since the epoch, or a date as the CLI writes it or ISO 8601 has it; without a
 * zone it is UTC, and a time alone is of today. Undefined: none of these.
 */
export function rubyTimeMs(text: string, nowMs: number): number | undefined {
  if (/^[-+]?\d+$/.test(text)) return Number(text) * 1000;
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const dated = /^\d{1,2}:\d{2}/.test(text) ? `${today} ${text}` : text;
  const zoned = /(?:[zZ]|UTC|GMT|[-+]\d{2}:?\d{2})\)?$/.test(dated) ? dated : `${dated} UTC`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? undefined : ms;
}
