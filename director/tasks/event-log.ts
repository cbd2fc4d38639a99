import type { Clock } from '../../common/clock.ts';
import { InvalidInput, messageOf } from '../../common/errors.ts';
import type { EventLog, Stage } from './task-context.ts';

/**
 * The lines of a task's event output, byte for byte in the shape that BOSH's clients parse: keys in this order, times
 * in whole seconds; only `faults` is ours. Source: cloudfoundry/bosh, event_log.rb.
 */
export interface EventLines extends EventLog {
  /** Written once, when the task fails or is cancelled. */
  error(code: number, message: string, thrown?: unknown): void;
}

/** @param conceal takes out of a line what nobody may see: where others are quoted */
export function eventLines(
  write: (line: string) => void,
  clock: Clock,
  conceal: (line: string) => string = (line) => line,
): EventLines {
  const told = (fields: Record<string, unknown>) =>
    `${JSON.stringify({ time: Math.floor(clock.now() / 1000), ...fields })}\n`;
  const line = (fields: Record<string, unknown>) => write(told(fields));
  const quoting = (fields: Record<string, unknown>) => write(conceal(told(fields)));
  return {
    stage: (name, total, tags = []) => stage({ line, quoting }, { stage: name, tags, total }),
    warning: (message) => quoting({ type: 'warning', message }),
    deprecation: (message) => line({ type: 'deprecation', message }),
    error: (code, message, thrown) => quoting({ error: { code, message, ...faultsOf(thrown) } }),
  };
}

/** Beside the text, for clients that know more of the document than we do: such as its lines. */
function faultsOf(thrown: unknown): { faults?: unknown } {
  return thrown instanceof InvalidInput ? { faults: thrown.details['faults'] } : {};
}

function stage(
  { line, quoting }: Record<'line' | 'quoting', (fields: Record<string, unknown>) => void>,
  heading: { stage: string; tags: readonly string[]; total: number | null },
): Stage {
  let started = 0;
  return {
    async task(name, work) {
      const index = ++started;
      let progress = 0;
      const say = (state: string, data?: Record<string, unknown>, write = line) =>
        write({ ...heading, task: name, index, state, progress, ...(data === undefined ? {} : { data }) });

      say('started');
      try {
        const result = await work({
          advance(percent, status) {
            progress = Math.min(100, progress + percent);
            say('in_progress', { status });
          },
        });
        progress = 100;
        say('finished');
        return result;
      } catch (thrown) {
        progress = 100;
        say('failed', { error: messageOf(thrown), ...faultsOf(thrown) }, quoting);
        throw thrown;
      }
    },
  };
}
