/**
 * What a deploy would do, as the result of a dry run's task: one JSON document. What is in it, and in this order, is what
 * the same deploy does then. (BOSH's dry run answers with no plan.)
 */
export interface DeploymentPlanDocument {
  deployment: string;
  /** Of groups that are gone: deleted before all else. */
  deletions: PlannedInstance[];
  /** VMs that are missing are made before the first group is updated, together. */
  missing: PlannedInstance[];
  /** One after the other; the groups of a batch at the same time. Groups of which nothing changes are left out. */
  batches: PlannedGroup[][];
}

export interface PlannedGroup {
  group: string;
  /** Scaled away: deleted before the waves. */
  deletions: PlannedInstance[];
  deletions_max_in_flight: number;
  /** One after the other. */
  waves: PlannedWave[];
  /** Stopped instances, for which something changed that is done when they start. */
  waiting: PlannedInstance[];
}

export interface PlannedWave {
  /** Null: not of one AZ. */
  az: string | null;
  max_in_flight: number;
  /** They must succeed before the rest begins. */
  canaries: PlannedInstance[];
  rest: PlannedInstance[];
}

export interface PlannedInstance {
  /** `web/3f2…`, or `web/new` for one that does not exist yet: its id is given when it is made. */
  instance: string;
  index: number;
  az: string | null;
  /** In the order of the group's networks; null: the infrastructure chooses. */
  ips: Array<string | null>;
  action: 'create' | 'recreate' | 'update' | 'start' | 'stop' | 'restart' | 'delete' | 'keep';
  /** Why: `reason` is for people, `kind` is BOSH's name of the change; `new` and `obsolete` are ours. */
  changes: Array<{ kind: string; reason: string }>;
  /** What is done while missing VMs are made, and in its wave. */
  create_steps: string[];
  steps: string[];
}
