import type { DeploymentPlanDocument, PlannedGroup, PlannedInstance, PlannedWave } from './plans.ts';

/** An instance that a deploy would change, and where in the plan. */
export interface PlannedChange {
  planned: PlannedInstance;
  canary: boolean;
  group: string;
  /** Counted over the whole plan; null: deleted before its group's first. */
  wave: number | null;
}

/** In their order, each once. */
export function changesIn({ deletions, batches }: DeploymentPlanDocument): PlannedChange[] {
  const deleted = (group: string, planned: PlannedInstance) => ({ planned, canary: false, group, wave: null });
  const changes: PlannedChange[] = deletions.map((planned) => deleted(groupOf(planned), planned));
  let wave = 0;
  for (const { group, deletions: own, waves } of batches.flat()) {
    for (const planned of own) changes.push(deleted(group, planned));
    for (const { canaries, rest } of waves) {
      wave++;
      for (const planned of canaries) changes.push({ planned, canary: true, group, wave });
      for (const planned of rest) changes.push({ planned, canary: false, group, wave });
    }
  }
  return changes;
}

function groupOf({ instance }: PlannedInstance): string {
  return instance.slice(0, instance.indexOf('/'));
}

/** `recreate web/3f2… (0) in z1 at 10.0.0.2 (canary): stemcell a/1 -> a/2`. */
export function changeLine(planned: PlannedInstance, { canary = false }: { canary?: boolean } = {}): string {
  const { action, instance, index, az, ips } = planned;
  const at = ips.filter((address) => address !== null);
  const where = az === null ? '' : ` in ${az}`;
  const what = `${action} ${instance} (${index})${where}${at.length === 0 ? '' : ` at ${at.join(', ')}`}`;
  const because = planned.changes.map(({ reason }) => reason).join('; ');
  return `${what}${canary ? ' (canary)' : ''}${because === '' ? '' : `: ${because}`}`;
}

/** A plan for people, with its order: what goes first, which groups run together, and each wave with its limit. */
export function outlineOf(document: DeploymentPlanDocument, { steps = false } = {}): string[] {
  const detail = ({ create_steps, steps: own }: PlannedInstance) =>
    steps ? [`      ${[...create_steps, ...own].join(', ')}`] : [];
  const lined = (planned: PlannedInstance, canary = false) => [
    `    ${changeLine(planned, { canary })}`,
    ...detail(planned),
  ];
  const { deletions, missing } = document;
  const lines: string[] = [];
  if (deletions.length > 0) lines.push('first, groups that are gone', ...deletions.flatMap((each) => lined(each)));
  if (missing.length > 0)
    lines.push(
      `${lines.length > 0 ? 'then, together,' : 'together,'} the missing VMs: ${missing.map(nameOf).join(', ')}`,
    );
  for (const batch of document.batches) {
    if (batch.length > 1) lines.push(`groups ${batch.map(({ group }) => group).join(' and ')} at the same time`);
    for (const group of batch) lines.push(...outlineOfGroup(group, lined));
  }
  return lines;
}

function outlineOfGroup(
  { group, deletions, deletions_max_in_flight: most, waves, waiting }: PlannedGroup,
  lined: (planned: PlannedInstance, canary?: boolean) => string[],
): string[] {
  const lines = [`group ${group}`];
  if (deletions.length > 0)
    lines.push(`  deletions first, ${most} at a time`, ...deletions.flatMap((each) => lined(each)));
  for (const wave of waves) {
    lines.push(`  ${titleOf(wave)}`);
    lines.push(...wave.canaries.flatMap((each) => lined(each, true)), ...wave.rest.flatMap((each) => lined(each)));
  }
  return [...lines, ...waiting.map((each) => `  until it is started, ${changeLine(each)}`)];
}

function titleOf({ az, canaries, max_in_flight }: PlannedWave): string {
  const where = az === null ? 'wave' : `wave in ${az}`;
  const first =
    canaries.length === 0 ? '' : `, ${canaries.length === 1 ? 'a canary' : `${canaries.length} canaries`} first`;
  return `${where}${first}, ${max_in_flight} at a time`;
}

/** With its index where the label alone would not tell which one. */
function nameOf({ instance, index }: PlannedInstance): string {
  return instance.endsWith('/new') ? `${instance} (${index})` : instance;
}
