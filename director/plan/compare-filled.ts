import { differingKeys } from './equal.ts';
import type { SetId, Variables } from './variable-values.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What something was made with, placeholders and all. */
interface Made {
  value: Fields;
  set: SetId | undefined;
}

/**
 * The keys in which what is wanted differs from what was made, by what placeholders stand for: a new value is a
 * difference, and another placeholder with the same value is none. A value that can't be had any more is one.
 */
export function differingFilled(made: Made, wanted: Fields, { values, set }: Variables): string[] {
  const [was, shall] = [values.tryFill(made.value, made.set), values.tryFill(wanted, set)];
  if (was !== undefined && shall !== undefined) return differingKeys(was as Fields, shall as Fields); // filled, a map stays one
  const keys = [...new Set([...Object.keys(made.value), ...Object.keys(wanted)])];
  return keys.filter((key) => values.tryFill(made.value[key], made.set) === undefined).sort();
}

export function sameFilled(made: Made, wanted: Fields, variables: Variables): boolean {
  return differingFilled(made, wanted, variables).length === 0;
}
