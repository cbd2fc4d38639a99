import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import type { TaskId } from '../../common/ids.ts';
import type { OutputStream, Tasks } from '../store/tasks.ts';
import { plainText, sendStream } from './http/answers.ts';
import { parseRange } from './http/ranges.ts';

/** What is held of an output at a time: debug outputs reach hundreds of megabytes. */
const pieceBytes = 256 * 1024;

/**
 * Sends what there is of an output, or the range that was asked for: clients follow a running task with
 * `Range: bytes=<what they have>-`, where 416 says that there is nothing new.
 */
export async function sendTaskOutput(
  tasks: Pick<Tasks, 'output'>,
  { id, stream }: { id: TaskId; stream: OutputStream },
  req: Request,
  res: Response,
): Promise<void> {
  const first = await tasks.output(id, stream, { from: 0, bytesMax: 0 });
  if (first === undefined && (stream === 'debug' || stream === 'cpi')) {
    res.status(204).end();
    return;
  }
  const size = first?.size ?? 0;
  const range = parseRange(req.get('range'), size);
  if (range === 'unsatisfiable') {
    res.set('Content-Range', `bytes */${size}`);
    plainText(res, 416, 'Byte range unsatisfiable');
    return;
  }
  const { from, to } = range === 'everything' ? { from: 0, to: size - 1 } : range;
  res
    .type('text/plain')
    .set('Accept-Ranges', 'bytes')
    .set('Content-Length', String(to - from + 1));
  if (range !== 'everything') res.status(206).set('Content-Range', `bytes ${from}-${to}/${size}`);
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  await sendStream(res, Readable.from(pieces(tasks, { id, stream, from, to }), { objectMode: false }));
}

async function* pieces(
  tasks: Pick<Tasks, 'output'>,
  { id, stream, from, to }: { id: TaskId; stream: OutputStream; from: number; to: number },
): AsyncGenerator<Buffer> {
  for (let at = from; at <= to;) {
    const piece = await tasks.output(id, stream, { from: at, bytesMax: Math.min(pieceBytes, to - at + 1) });
    if (piece === undefined || piece.bytes.length === 0) throw new Error(`output ${stream} of task ${id} got shorter`);
    at += piece.bytes.length;
    yield piece.bytes;
  }
}
