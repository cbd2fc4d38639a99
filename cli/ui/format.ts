/** How the bosh CLI writes times, spans and sizes. */

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (value: number) => String(value).padStart(2, '0');

/** `Tue Nov  3 05:34:31 UTC 2026`. */
export function unixDate(seconds: number): string {
  const at = new Date(seconds * 1000);
  const day = String(at.getUTCDate()).padStart(2, ' ');
  return `${days[at.getUTCDay()]} ${months[at.getUTCMonth()]} ${day} ${timeOfDay(seconds)} UTC ${at.getUTCFullYear()}`;
}

export function timeOfDay(seconds: number): string {
  const at = new Date(seconds * 1000);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

/** `00:01:05`; hours grow beyond two digits. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** `1d 2h 3m 4s`. */
export function uptime(seconds: number): string {
  const [d, h, m] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return `${d}d ${h}h ${m}m ${seconds % 60}s`;
}

/** In powers of 1024: `1.5 KiB`, `23 MiB`. */
export function binaryBytes(bytes: number): string {
  return humanized(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
}

/** In powers of 1000: `1.5 kB`, `23 MB`. */
export function decimalBytes(bytes: number): string {
  return humanized(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
}

/** One digit behind the point below ten, none above; bytes are whole. */
function humanized(bytes: number, base: number, units: readonly string[]): string {
  if (bytes < 10) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(base)), units.length - 1);
  const value = Math.floor((bytes / base ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : String(halfToEven(value))} ${units[power]}`;
}

/** 20.5 is 20, as C and Go print it. */
function halfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 && floor % 2 === 0 ? floor : Math.round(value);
}
