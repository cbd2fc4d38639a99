import type { ExecuteDeps } from '../execute/work.ts';
import type { ConfigServer } from '../credentials/config-server.ts';
import type { RenderDeps } from './render.ts';

/** What tasks on deployments stand on. */
export interface DeployDeps extends ExecuteDeps, RenderDeps {
  configServer: ConfigServer;
}

/** How long a task waits for another one on its deployment. BOSH: 10 s. */
export const deploymentLockWaitMs = 10_000;
