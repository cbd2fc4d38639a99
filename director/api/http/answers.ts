import type { OutgoingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { Task } from '../../store/tasks.ts';

/** The one redirect that the `bosh` CLI follows: 302, of which it takes the path alone. */
export function redirectToTask(res: Response, task: Pick<Task, 'id'>): void {
  res.status(302).set('Location', `/tasks/${task.id}`).end();
}

export function plainText(res: Response, status: number, text: string): void {
  res.status(status).type('text/plain').send(text);
}

/**
 * Makes sure that a body which was refused unread is not waited for: the answer says that the connection ends, so a
 * client stops sending and looks at it.
 */
export function closeIfBodyUnread(req: Request, res: OutgoingMessage): void {
  if (!req.complete && !res.headersSent) res.setHeader('Connection', 'close');
}

/** Sends a stream at the client's own pace. One that goes away ends it, and is nobody's fault. */
export async function sendStream(res: Response, content: Readable): Promise<void> {
  try {
    await pipeline(content, res);
  } catch (thrown) {
    const left = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!left) throw thrown;
  }
}
