export interface MeltdownLimits {
  /** Below this number it is never a meltdown. */
  minimumDownJobs: number;
  /** Of all instances of the deployment, in percent. */
  percentThreshold: number;
  /** What was found longer ago does not count. */
  timeThresholdMs: number;
}

export interface DeploymentState {
  state: 'normal' | 'managed' | 'meltdown';
  /** In BOSH's words. */
  summary: string;
}

/** When which instance was last found to need a VM, and whether so many of a deployment are that it must be something else. */
export class MeltdownWatch {
  readonly #limits: MeltdownLimits;
  /** By deployment, then by instance. */
  readonly #found = new Map<string, Map<string, number>>();

  constructor(limits: MeltdownLimits) {
    this.#limits = limits;
  }

  record(deployment: string, instances: Iterable<string>, nowMs: number): void {
    const found = this.#found.get(deployment) ?? new Map<string, number>();
    for (const instance of instances) found.set(instance, nowMs);
    this.#found.set(deployment, found);
  }

  /** @param watched ids of instances that have an agent, or should have a VM */
  stateOf(deployment: string, watched: readonly string[], nowMs: number): DeploymentState {
    const found = this.#found.get(deployment) ?? new Map<string, number>();
    for (const [instance, atMs] of found) if (nowMs - atMs > this.#limits.timeThresholdMs) found.delete(instance);
    if (found.size === 0) this.#found.delete(deployment);
    const unhealthy = watched.filter((instance) => found.has(instance)).length;
    const percent = (unhealthy / watched.length) * 100;
    const summary = `deployment: '${deployment}'; ${unhealthy} of ${watched.length} agents are unhealthy (${percent.toFixed(1)}%)`;
    if (unhealthy === 0) return { state: 'normal', summary };
    const { minimumDownJobs, percentThreshold } = this.#limits;
    const isMeltdown = unhealthy >= minimumDownJobs && percent >= percentThreshold;
    return { state: isMeltdown ? 'meltdown' : 'managed', summary };
  }
}
