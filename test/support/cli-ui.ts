import { PassThrough } from 'node:stream';
import type { UiStreams } from '../../cli/ui/ui.ts';

/** Streams whose output is kept, and into which answers can be typed beforehand. */
export function givenStreams(
  typed = '',
): UiStreams & { out: UiStreams['out']; text: () => string; errors: () => string } {
  const [out, err]: [string[], string[]] = [[], []];
  const input = new PassThrough();
  input.end(typed);
  return {
    out: (bytes) => void out.push(Buffer.from(bytes).toString('utf8')),
    err: (text) => void err.push(text),
    input,
    text: () => out.join(''),
    errors: () => err.join(''),
  };
}
