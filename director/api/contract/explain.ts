/** Why an instance is as it is, what happens to it next unasked, and what an operator can do. Gantry's own. */
export interface InstanceExplanation {
  /** `web/3f2…` */
  instance: string;
  deployment: string;
  /** What the operator wants it to be. */
  wanted: 'started' | 'stopped' | 'detached';
  /** In a few words: `running`, `no VM`, `agent silent`. */
  state: string;
  /** Sentences, the weightiest first. */
  reasons: string[];
  /** In the order in which it would happen; empty: nothing will, unasked. */
  next: ExplainedStep[];
  /** Command lines, and what they are good for. */
  options: Array<{ command: string; why: string }>;
}

export interface ExplainedStep {
  /** Who acts: `health monitor`, `resurrector`, `task 12`. */
  rule: string;
  what: string;
  /** Unix seconds, at the latest; null: nobody can tell. */
  by: number | null;
}
