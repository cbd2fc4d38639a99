import { Router } from 'express';
import type { Lock } from '../store/locks.ts';
import type { Lock as WireLock } from './contract/operations.ts';
import type { ApiDeps } from './deps.ts';

export function lockRoutes({ store, clock, requires }: ApiDeps): Router {
  const router = Router();
  router.get('/locks', requires('read'), async (_req, res) => {
    const locks = await store.locks.list(clock.now());
    res.json(locks.map(toWire));
  });
  return router;
}

/** `lock:deployment:cf` is of type deployment, on [cf]. Numbers are text on this wire. */
function toWire({ name, untilMs, taskId }: Lock): WireLock {
  const [, type = '', ...resource] = name.split(':');
  const seconds = Math.floor(untilMs / 1000);
  const micros = String(Math.floor(untilMs % 1000) * 1000).padStart(6, '0');
  return { type, resource, timeout: `${seconds}.${micros}`, task_id: String(taskId) };
}
