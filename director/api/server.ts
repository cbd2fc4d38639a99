import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import express, { type Express, type RequestHandler, type Router } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { AuditEntry } from '../auth/audit.ts';
import type { IdentityProvider } from '../auth/user.ts';
import { accessRoutes } from './access.ts';
import { cleanUpRoutes } from './cleanup.ts';
import { configRoutes } from './configs.ts';
import { deploymentConfigRoutes } from './deployment-configs.ts';
import { deploymentDiffRoutes } from './deployment-diff.ts';
import { deploymentRoutes } from './deployments.ts';
import type { ApiDeps, ApiLimits } from './deps.ts';
import { directorRoutes } from './director.ts';
import { diskRoutes } from './disks.ts';
import { eventRoutes } from './events.ts';
import { explainRoutes } from './explain.ts';
import { auditRequests } from './http/audit.ts';
import { answerErrors, answerNotFound } from './http/errors.ts';
import { authenticate, requiresOn } from './http/request.ts';
import { infoRoutes } from './info.ts';
import { instanceRoutes } from './instances.ts';
import { legacyConfigRoutes } from './legacy-configs.ts';
import { linkAddressRoutes } from './link-address.ts';
import { linkRoutes } from './links.ts';
import { lockRoutes } from './locks.ts';
import { notBuiltRoutes } from './not-built.ts';
import { orphanRoutes } from './orphans.ts';
import { packageRoutes } from './packages.ts';
import { problemRoutes } from './problems.ts';
import { pastDeployRoutes } from './past-deploys.ts';
import { releaseRoutes } from './releases.ts';
import { resourceRoutes } from './resources.ts';
import { snapshotRoutes } from './snapshots.ts';
import { stemcellRoutes } from './stemcells.ts';
import { taskRoutes } from './tasks.ts';
import { variableRoutes } from './variables.ts';

export type CreateApiDeps = Omit<ApiDeps, 'requires'> & {
  identity: IdentityProvider;
  /** Routes that ask for credentials themselves: the director's own token issuer. */
  openRoutes?: Router;
  /** Sees every request before anybody else does. */
  observe?: RequestHandler;
  /** Told of every request. */
  audit?: (entry: AuditEntry) => void;
};

/** The director's HTTP API, as an app that can be called without a socket. */
export function createApi(given: CreateApiDeps): Express {
  const { identity, openRoutes, observe, audit, ...rest } = given;
  const deps: ApiDeps = { ...rest, requires: requiresOn(given.permissions) };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // nobody asks with one, and it costs a hash of every answer
  app.set('query parser', 'simple'); // keys stay what they are: `deployment[]` is read by name
  app.enable('case sensitive routing');

  if (observe !== undefined) app.use(observe);
  if (audit !== undefined) app.use(auditRequests(audit, given.clock));
  if (openRoutes !== undefined) app.use(openRoutes);
  app.use(authenticate(identity, (path) => path === '/info'));
  app.use(infoRoutes(deps, identity));
  app.use(taskRoutes(deps));
  app.use(deploymentRoutes(deps));
  app.use(deploymentDiffRoutes(deps));
  app.use(pastDeployRoutes(deps));
  app.use(instanceRoutes(deps));
  app.use(problemRoutes(deps));
  app.use(explainRoutes(deps));
  app.use(accessRoutes(deps));
  app.use(variableRoutes(deps));
  app.use(releaseRoutes(deps));
  app.use(packageRoutes(deps));
  app.use(stemcellRoutes(deps));
  app.use(configRoutes(deps));
  app.use(legacyConfigRoutes(deps));
  app.use(deploymentConfigRoutes(deps));
  app.use(eventRoutes(deps));
  app.use(lockRoutes(deps));
  app.use(linkRoutes(deps));
  app.use(linkAddressRoutes(deps));
  app.use(resourceRoutes(deps));
  app.use(diskRoutes(deps));
  app.use(orphanRoutes(deps));
  app.use(snapshotRoutes(deps));
  app.use(cleanUpRoutes(deps));
  app.use(directorRoutes(deps));
  app.use(notBuiltRoutes(deps));
  app.use(answerNotFound);
  app.use(answerErrors(given.log));
  return app;
}

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM. */
  tls: { cert: string; key: string };
  limits: Pick<ApiLimits, 'requestMsMax' | 'idleMsMax'>;
}

export interface ApiServer {
  port: number;
  /** Takes no new connection; ends those that are idle at once and the others after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** Until the headers of a request are complete. */
const headersMsMax = 60_000;
/** The CLI opens a connection per request or two; the console keeps one. */
const keepAliveMs = 75_000;

export async function listen(app: Express, { host, port, tls, limits }: ListenOptions): Promise<ApiServer> {
  const server = createServer({ ...tls, minVersion: 'TLSv1.2' }, app);
  server.requestTimeout = limits.requestMsMax;
  server.headersTimeout = headersMsMax;
  server.keepAliveTimeout = keepAliveMs;
  server.setTimeout(limits.idleMsMax);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown: NodeJS.ErrnoException) => reject(cannotListen(thrown, { host, port })));
    server.listen(port, host, () => resolve());
  });
  const address = server.address() as AddressInfo; // it listens on TCP
  return { port: address.port, close: (graceMs = 5_000) => closeServer(server, graceMs) };
}

function cannotListen(thrown: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  if (thrown.code === 'EADDRINUSE') {
    return new OperatorError(`the API cannot listen on ${host} port ${port}: another program does`, {
      code: 'port-in-use',
      hint: 'Stop that program (`ss -ltnp` names it), or set "listen.port" in the config file to another port.',
      details: { host, port },
      cause: thrown,
    });
  }
  return new OperatorError(`the API cannot listen on ${host} port ${port}: ${thrown.message}`, {
    code: 'address-unavailable',
    hint: 'Set "listen.address" in the config file to an address of this computer, or 0.0.0.0; ports below 1024 need more rights.',
    details: { host, port },
    cause: thrown,
  });
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}
