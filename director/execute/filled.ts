import type { YamlValue } from '../../manifests/value.ts';
import { hasPlaceholders } from '../plan/variable-values.ts';
import type { InstanceWork } from './work.ts';

/** The set to record with what is made of these; absent where there is nothing to fill in. */
export function setFor({ variables: { set } }: InstanceWork, ...values: readonly unknown[]): { variableSet?: number } {
  return set === null || !values.some((value) => hasPlaceholders(value as YamlValue)) ? {} : { variableSet: set };
}

/**
 * What the infrastructure is given: with the values of the row's set, since a call that is made again has to be the same.
 * @throws InvalidInput `variables-missing` naming the instance
 */
export function filledFor<T>(work: InstanceWork, value: T, { variableSet }: { variableSet?: number }): T {
  if (variableSet === undefined) return value;
  return work.variables.values.fill(value as YamlValue, variableSet, work.label) as T; // a map stays a map
}
