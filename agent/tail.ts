import { open, stat } from 'node:fs/promises';
import { orAbsent } from './files.ts';

export const tailBytesMax = 8_192;

/** For messages: of what stands in a file from a place on, the last lines, indented; few enough to be read at once. */
export async function lastLinesOf(
  path: string,
  { from = 0, linesMax = 10, bytesMax = 2_048 }: { from?: number; linesMax?: number; bytesMax?: number } = {},
): Promise<string> {
  const size = await sizeOf(path);
  if (size <= from) return '';
  const text = await textFrom(path, Math.max(from, size - bytesMax), size);
  const lines = text.trimEnd().split('\n').slice(-linesMax);
  return lines.map((line) => `  ${line}`).join('\n');
}

async function textFrom(path: string, start: number, end: number): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(end - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Absent: 0. */
export async function sizeOf(path: string): Promise<number> {
  return (await orAbsent(stat(path)))?.size ?? 0;
}

/** The end of a file: all of it when it is small, else its last bytes, from a whole line on. Absent: empty. */
export async function tailOf(path: string, bytesMax = tailBytesMax): Promise<string> {
  const file = await orAbsent(open(path));
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - bytesMax);
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    const text = buffer.toString();
    return start === 0 ? text : `...\n${text.slice(text.indexOf('\n') + 1)}`;
  } finally {
    await file.close();
  }
}
