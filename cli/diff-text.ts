import type { DiffLine } from '../director/api/contract/deployments.ts';
import type { Ui } from './ui/ui.ts';

const marks = { added: '+', removed: '-' } as const;

/** `+ line`, `- line`, and two spaces before what stays. */
export function diffText(diff: readonly DiffLine[]): string {
  return diff.map(([line, change]) => `${change === null ? ' ' : marks[change]} ${line}\n`).join('');
}

/** For people: programs that update something don't ask what changes. */
export function showDiff(ui: Ui, diff: readonly DiffLine[]): void {
  for (const line of diff) ui.begin(diffText([line]));
}
