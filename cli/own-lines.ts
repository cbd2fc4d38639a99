import { describeFaults, type Fault } from '../common/errors.ts';
import type { TaskEvent } from '../director/api/contract/tasks.ts';
import { isMap, type YamlValue } from '../manifests/value.ts';
import type { YamlDocument } from '../manifests/yaml.ts';
import type { YamlPath } from '../manifests/yaml/lines.ts';
import type { TaskReporter } from './ui/task-reporter.ts';

/** Where a fault is in the operator's file; undefined: nowhere there. */
export type LineOf = (path: string) => number | undefined;

/**
 * What is sent has its keys sorted, operations applied and variables filled in, so a director can say no line that
 * its author would find. The paths that it says lead to the same things in the file, but for what operations added.
 */
export function ownLines(file: YamlDocument, sent: YamlValue): LineOf {
  return (path) => {
    const steps = stepsOf(path, sent);
    const own = steps === undefined ? undefined : ownPath(steps, sent, file.value);
    return own === undefined ? undefined : file.lineOf(own);
  };
}

/** Shows faults with the lines of the operator's file. */
export class OwnLinesReporter implements TaskReporter {
  readonly #inner: TaskReporter;
  readonly #lineOf: LineOf;
  #rest = '';

  constructor(inner: TaskReporter, lineOf: LineOf) {
    this.#inner = inner;
    this.#lineOf = lineOf;
  }

  started(id: number): void {
    this.#rest = '';
    this.#inner.started(id);
  }

  output(id: number, chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (lines.length > 0) this.#inner.output(id, lines.map((line) => `${this.#located(line)}\n`).join(''));
  }

  finished(id: number, state: string): void {
    this.#inner.finished(id, state);
  }

  #located(line: string): string {
    if (!line.includes('"faults":')) return line;
    const event = JSON.parse(line) as TaskEvent; // the contract's
    if ('error' in event) event.error.message = this.#withLines(event.error.message, event.error.faults);
    else if ('stage' in event && event.data?.error !== undefined)
      event.data.error = this.#withLines(event.data.error, event.data.faults);
    return JSON.stringify(event);
  }

  /** A text that says them in other words, as a director of another version may, stays as it is. */
  #withLines(text: string, faults: readonly Fault[] = []): string {
    const located = faults.map((fault) => {
      const line = this.#lineOf(fault.path);
      return line === undefined ? fault : { ...fault, line };
    });
    return text.replace(describeFaults(faults), () => describeFaults(located));
  }
}

/**
 * `instance_groups.0.jobs.1.name` as steps into a document, as far as it goes there: what is missing is looked for in
 * what should have had it. Keys may have dots in them.
 */
function stepsOf(path: string, document: YamlValue): YamlPath | undefined {
  const steps: Array<string | number> = [];
  let [rest, value] = [path, document];
  while (rest !== '') {
    const keys = Array.isArray(value) ? [...value.keys()] : isMap(value) ? Object.keys(value) : [];
    const step = keys
      .filter((key) => `${rest}.`.startsWith(`${key}.`))
      .sort((a, b) => String(b).length - String(a).length)[0];
    if (step === undefined) break;
    value = childOf(value, step) ?? null;
    rest = rest.slice(String(step).length + 1);
    steps.push(step);
  }
  return steps.length === 0 ? undefined : steps;
}

/** The same place in a file that operations have not changed yet. */
function ownPath(steps: YamlPath, sent: YamlValue, file: YamlValue): YamlPath | undefined {
  const own: Array<string | number> = [];
  let [inSent, inFile] = [sent, file];
  for (const step of steps) {
    const item = childOf(inSent, step);
    const ownStep = typeof step === 'number' ? indexOf(item, step, inFile) : step;
    const ownItem = ownStep === undefined ? undefined : childOf(inFile, ownStep);
    // an item that is not in the file has no line there; a key that is not was set by an operation
    if (ownStep === undefined || ownItem === undefined)
      return typeof step === 'number' || own.length === 0 ? undefined : own;
    own.push(ownStep);
    [inSent, inFile] = [item ?? null, ownItem];
  }
  return own;
}

/** Operations move the items of lists: one with a name is found by it. */
function indexOf(item: YamlValue | undefined, index: number, list: YamlValue): number | undefined {
  if (!Array.isArray(list)) return undefined;
  const name = nameOf(item);
  const byName = name === undefined ? -1 : list.findIndex((each) => nameOf(each) === name);
  if (byName !== -1) return byName;
  const there = list[index];
  const same = name === undefined ? isAlike(there, item) : nameOf(there)?.includes('((') === true;
  return same ? index : undefined;
}

/** As far as can be told without knowing variables. */
function isAlike(there: YamlValue | undefined, item: YamlValue | undefined): boolean {
  if (typeof there === 'string' && there.includes('((')) return true;
  const isBranch = (value: YamlValue | undefined) => typeof value === 'object' && value !== null;
  return isBranch(there) ? isBranch(item) && nameOf(there) === undefined : there === item;
}

function nameOf(item: YamlValue | undefined): string | undefined {
  const name = isMap(item) ? (item['name'] ?? item['alias']) : undefined;
  return typeof name === 'string' ? name : undefined;
}

function childOf(value: YamlValue, step: string | number): YamlValue | undefined {
  if (typeof step === 'number') return Array.isArray(value) ? value[step] : undefined;
  return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}
