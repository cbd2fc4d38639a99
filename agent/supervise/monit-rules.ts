import type { TokenReader } from './monit-tokens.ts';

/**
 * What a monit file wants done when something is so. Memory and restarts are watched; any other condition
 * (connections, cpu, checksums) is read over and kept as text.
 */
export type Rule =
  | { kind: 'memory'; overKb: number; cycles: number; action: RuleAction }
  | { kind: 'restarts'; restarts: number; cycles: number; action: RuleAction }
  | { kind: 'unknown'; text: string };

export type RuleAction = 'alert' | 'restart' | 'stop' | 'unmonitor';

/** Reads on from behind `if` to the end of its actions. */
export function parseRule(reader: TokenReader): Rule {
  const condition: string[] = [];
  while (!reader.done && reader.accept('then') === undefined) condition.push(reader.take()?.text ?? '');
  const action = parseAction(reader);
  while (reader.accept('else') !== undefined) {
    if (reader.accept('if') !== undefined) {
      while (!reader.done && reader.accept('then') === undefined) reader.take();
    }
    parseAction(reader); // what monit does once all is well again: nothing that we do
  }
  const text = condition.join(' ');
  return parseMemory(text, action) ?? parseRestarts(text, action) ?? { kind: 'unknown', text };
}

/** `timeout` is monit's old word for giving up on a service. */
function parseAction(reader: TokenReader): RuleAction | undefined {
  const action = reader.accept('alert', 'restart', 'start', 'stop', 'unmonitor', 'timeout', 'exec', 'monitor');
  switch (action) {
    case 'alert':
    case 'restart':
    case 'stop':
    case 'unmonitor':
      return action;
    case 'timeout':
      return 'unmonitor';
    case 'exec':
      reader.take();
      while (reader.accept('as', 'uid', 'gid', 'and') !== undefined) if (reader.peek() !== 'uid') reader.take();
      return undefined;
    default:
      return undefined;
  }
}

function parseMemory(condition: string, action: RuleAction | undefined): Rule | undefined {
  const pattern =
    /^(?:total\s*mem(?:ory)?|mem(?:ory)?(?: usage)?)\s+(?:is\s+)?(?:>|gt|greater(?: than)?)\s+([\d.]+)\s*(b|kb|mb|gb)\b(?:\s+for\s+(\d+)\s+(?:times\s+within\s+\d+\s+)?cycles?)?$/i;
  const [, size, unit, cycles] = pattern.exec(condition) ?? [];
  const perUnit = unitKb[(unit ?? '').toLowerCase()];
  if (size === undefined || perUnit === undefined || action === undefined) return undefined;
  return { kind: 'memory', overKb: Number(size) * perUnit, cycles: Number(cycles ?? 1), action };
}

function parseRestarts(condition: string, action: RuleAction | undefined): Rule | undefined {
  const [, restarts, cycles] = /^(\d+)\s+restarts?\s+(?:within\s+)?(\d+)\s+cycles?$/i.exec(condition) ?? [];
  if (restarts === undefined || action === undefined) return undefined;
  return { kind: 'restarts', restarts: Number(restarts), cycles: Number(cycles), action };
}

const unitKb: Record<string, number> = { b: 1 / 1024, kb: 1, mb: 1024, gb: 1024 * 1024 };
