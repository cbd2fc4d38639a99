import { open } from 'node:fs/promises';
import { orAbsent } from './files.ts';

/** The end of a file: all of it when it is small, else its last bytes, from a whole line on. Absent: empty. */
export async function tailOf(path: string, bytesMax = 8_192): Promise<string> {
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
