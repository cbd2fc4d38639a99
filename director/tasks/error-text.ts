import { messageOf, OperatorError } from '../../common/errors.ts';
import type { Task } from '../store/tasks.ts';

/**
 * An error as the end of a task tells it: the message is the first line, for scripts match on it, and below it is where
 * that was and what to do.
 */
export function errorText(thrown: unknown, task: Task['id']): string {
  if (!(thrown instanceof OperatorError)) return messageOf(thrown);
  const lines = [thrown.message];
  const { instance, requestId } = thrown.details;
  if (typeof instance === 'string' && !thrown.message.includes(instance)) lines.push(`This was at ${instance}.`);
  if (typeof requestId === 'string') lines.push(`What the CPI wrote is shown by: bosh task ${task} --cpi`);
  if (thrown.hint !== undefined) lines.push(thrown.hint);
  return lines.join('\n');
}
