import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { Blobstore } from '../blobs/blobstore.ts';
import type { Agents } from '../bus/agents.ts';
import type { Bus } from '../bus/bus.ts';
import type { ConfigServer } from '../credentials/config-server.ts';
import { deleteDeployment } from '../deploy/delete-deployment.ts';
import { diskTaskHandlers } from '../disks/handlers.ts';
import { JobLibrary } from '../deploy/job-library.ts';
import type { DeployDeps } from '../deploy/deploy-deps.ts';
import { updateDeployment } from '../deploy/update-deployment.ts';
import { updateInstance } from '../deploy/update-instance.ts';
import { runErrand } from '../errands/run-errand.ts';
import { LocalDns, type DnsSettings } from '../dns/local-dns.ts';
import type { Cpis } from '../execute/cpis.ts';
import { whileHeld } from '../execute/while-held.ts';
import type { ExecuteSettings } from '../execute/work.ts';
import { type ProblemOptions, problemTaskHandlers } from '../problems/handlers.ts';
import { fetchLogs } from '../logs/fetch-logs.ts';
import { ssh, type SshGateway } from '../ssh/ssh.ts';
import { scheduledTaskHandlers } from '../schedule/handlers.ts';
import { snapshotTaskHandlers } from '../snapshots/handlers.ts';
import type { Store } from '../store/store.ts';
import { TaskEngine, type EngineOptions } from '../tasks/engine.ts';
import type { TaskContext, TaskHandler } from '../tasks/task-context.ts';
import { embeddedWaker } from '../tasks/waker.ts';
import type { TemplateRenderer } from '../templates/renderer.ts';
import type { SchemaChecks } from '../templates/schema/schema-checks.ts';

export interface CoreDeps {
  store: Store;
  bus: Bus;
  agents: Agents;
  cpis: Cpis;
  blobs: Blobstore;
  renderer: TemplateRenderer;
  schemas: SchemaChecks;
  configServer: ConfigServer;
  clock: Clock;
  chance: Chance;
  log: Log;
}

export interface CoreOptions {
  settings: ExecuteSettings;
  dns: DnsSettings;
  engine: EngineOptions;
  problems?: ProblemOptions;
  /** What clients of `bosh ssh` are told to go through. */
  gateway?: SshGateway | undefined;
}

type Handlers = Readonly<Record<string, TaskHandler>>;

/** The director without its doors: tasks go in, and things happen. What the API, the simulator and stories drive. */
export interface Core {
  engine: TaskEngine;
  deploy: DeployDeps;
}

export function assembleCore(
  deps: CoreDeps,
  options: CoreOptions,
  otherHandlers: (deploy: DeployDeps) => Handlers = () => ({}),
): Core {
  const { store, clock, log } = deps;
  const { problems = { fixesStateful: true } } = options;
  const { vmsAtOnceMax } = options.settings;
  const deploy: DeployDeps = {
    ...deps,
    settings: options.settings,
    dns: new LocalDns(deps, options.dns),
    jobs: new JobLibrary(deps.blobs, deps.schemas),
  };
  const handlers = eachWhileHeld(deploy, (own) => ({
    update_deployment: updateDeployment(own),
    delete_deployment: deleteDeployment(own),
    update_instance: updateInstance(own),
    ...problemTaskHandlers(own, problems),
    ...diskTaskHandlers(own),
    ...snapshotTaskHandlers(own),
    ...scheduledTaskHandlers(own),
    run_errand: runErrand(own),
    fetch_logs: fetchLogs({ ...own, vmsAtOnceMax }),
    ssh: ssh({ ...own, vmsAtOnceMax, gateway: options.gateway ?? null }),
    ...otherHandlers(own),
  }));
  return { deploy, engine: new TaskEngine({ store, clock, log, waker: embeddedWaker(), handlers }, options.engine) };
}

/** Agents are called only while the task is held; CPIs are given out for a task anyway, and see to it themselves. */
function eachWhileHeld(deploy: DeployDeps, handlersOf: (own: DeployDeps) => Handlers): Handlers {
  const ofTask = (task: TaskContext) => handlersOf({ ...deploy, agents: whileHeld(deploy.agents, task) });
  const run = (type: string, task: TaskContext) => (ofTask(task)[type] as TaskHandler)(task); // the same types each time
  return Object.fromEntries(
    Object.keys(handlersOf(deploy)).map((type) => [type, (task: TaskContext) => run(type, task)]),
  );
}
