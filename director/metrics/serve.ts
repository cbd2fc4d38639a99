import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Response } from 'express';
import type { Clock } from '../../common/clock.ts';
import { OperatorError } from '../../common/errors.ts';
import type { HealthCounts } from '../health/counts.ts';
import type { Health } from '../health/health.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServerDeps {
  metrics: Metrics;
  health: Pick<Health, 'counts'> | null;
  clock: Clock;
}

const healthPaths: ReadonlyArray<keyof HealthCounts> = [
  'unresponsive_agents',
  'unhealthy_agents',
  'total_available_agents',
  'failing_instances',
  'stopped_instances',
  'unknown_instances',
];

/** The event loop shows that it turns this often. */
const pulseEveryMs = 1_000;
const pulseMsMax = 180_000;
/** Of a request, all together. */
const requestMsMax = 30_000;

/**
 * `/metrics` for Prometheus, and the endpoints of BOSH's health monitor. Plain HTTP without a password, as BOSH's: it is
 * meant for the computer itself.
 * @throws OperatorError `metrics-port-unavailable`
 */
export async function serveMetrics(
  { metrics, health, clock }: MetricsServerDeps,
  at: { address: string; port: number },
): Promise<{ port: number; close: () => Promise<void> }> {
  let pulseMs = clock.now();
  const pulse = setInterval(() => (pulseMs = clock.now()), pulseEveryMs).unref();
  const app = express();
  app.disable('x-powered-by');
  app.get('/metrics', async (_req, res) => {
    res.set('content-type', metrics.contentType).send(await metrics.text());
  });
  app.get('/healthz', (_req, res) => {
    const silentMs = clock.now() - pulseMs;
    res
      .status(silentMs > pulseMsMax ? 500 : 200)
      .type('text')
      .send(`Last pulse was ${silentMs / 1000} seconds ago`);
  });
  for (const path of healthPaths) app.get(`/${path}`, (_req, res) => counted(res, path));

  function counted(res: Response, path: keyof HealthCounts): void {
    const counts = health?.counts();
    if (counts === undefined) res.status(503).end();
    else res.json(counts[path]);
  }

  const server = createServer({ requestTimeout: requestMsMax }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(unavailable(at, cause)));
    server.listen(at.port, at.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    close: () => {
      clearInterval(pulse);
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function unavailable({ address, port }: { address: string; port: number }, cause: Error): OperatorError {
  return new OperatorError(`metrics cannot be served on ${address} port ${port}: ${cause.message}`, {
    code: 'metrics-port-unavailable',
    hint: 'Set "metrics.address" and "metrics.port" in the config file to others.',
    details: { address, port },
    cause,
  });
}
