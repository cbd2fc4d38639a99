import { InvalidInput, OperatorError, type Fault } from '../../../common/errors.ts';
import { isMap, type YamlMap, type YamlValue } from '../../../manifests/value.ts';
import { variableNameFault } from '../../../manifests/placeholders.ts';
import type { VariableDefinition } from '../../../manifests/variables.ts';
import { generationModes, type GenerationMode } from '../../credentials/config-server.ts';
import type { TaskContext } from '../../tasks/task-context.ts';
import type { DeployVariables } from './deploy-variables.ts';

export interface GenerateOptions {
  /** The feature converge_variables. */
  converge: boolean;
  /** All stemcells are others than at the last deploy, or the operator asks for the latest of everything. */
  stemcellsChanged: boolean;
}

/**
 * Makes what `variables:` lists, in its order, and pins it. What this task has pinned already stays as it is: it was
 * made by an earlier run of it.
 * @throws OperatorError `variable-generation-failed` | `variables-invalid`
 */
export async function generateVariables(
  definitions: readonly VariableDefinition[],
  variables: DeployVariables,
  options: GenerateOptions,
  task: TaskContext,
): Promise<void> {
  if (variables.kind === 'kept' || definitions.length === 0) return;
  refuseUnusable(definitions);
  const previous = await previousPins(definitions, variables, options, task);
  for (const definition of definitions) {
    const name = absolute(definition.name, variables.prefix);
    if (variables.isPinned(name)) continue;
    const event = { action: 'create', objectType: 'variable', objectName: name, deployment: variables.deployment };
    const kept = previous.get(name);
    try {
      const credential = kept ?? (await generate(definition, name, variables, options, task));
      await variables.pin([credential]);
      const context = {
        update_strategy: definition.updateStrategy,
        latest_version: kept === undefined,
        name,
        id: credential.id,
      };
      if (variables.kind === 'new') await task.record({ ...event, context });
    } catch (thrown) {
      const told = thrown instanceof OperatorError && variables.kind === 'new';
      if (told) await task.record({ ...event, error: thrown.message });
      throw thrown;
    }
  }
}

function generate(
  { type, options, updateMode }: VariableDefinition,
  name: string,
  variables: DeployVariables,
  { converge }: GenerateOptions,
  { signal }: TaskContext,
) {
  const mode = updateMode ?? (converge ? 'converge' : 'no-overwrite');
  const parameters = withAbsoluteAuthority(options, variables.prefix);
  return variables.server.generate({ name, type, parameters, mode: mode as GenerationMode }, signal); // refuseUnusable has looked
}

/** Versions that are kept because only a change of stemcells brings new ones. */
async function previousPins(
  definitions: readonly VariableDefinition[],
  variables: DeployVariables,
  { stemcellsChanged }: GenerateOptions,
  { store: { variableSets }, signal }: TaskContext,
) {
  const lazy = definitions.filter(({ updateStrategy }) => updateStrategy === 'on-stemcell-change');
  if (stemcellsChanged || lazy.length === 0) return new Map();
  const before =
    variables.set === null || variables.kind === 'rehearsed'
      ? await variableSets.lastSuccessful(variables.deployment)
      : await variableSets.previous(variables.deployment, variables.set);
  if (before === null) return new Map();
  const names = new Set(lazy.map(({ name }) => absolute(name, variables.prefix)));
  const pins = ((await variableSets.pins([before])).get(before) ?? []).filter(({ name }) => names.has(name));
  const found = await variables.server.byId(
    pins.map(({ versionId }) => versionId),
    signal,
  );
  return new Map([...found.values()].map((credential) => [credential.name, credential]));
}

function refuseUnusable(definitions: readonly VariableDefinition[]): void {
  const faults = definitions.flatMap(({ name, updateMode, consumes }): Fault[] => {
    const path = `variables.${name}`;
    const wrongName = variableNameFault(name);
    const wrongMode =
      updateMode !== null && !generationModes.some((mode) => mode === updateMode)
        ? `update_mode "${updateMode}" is none of ${generationModes.join(', ')}`
        : undefined;
    const wrongLinks =
      consumes.length > 0
        ? 'names of links in certificates are not built yet; write them as alternative_names'
        : undefined;
    return [wrongName, wrongMode, wrongLinks].flatMap((message) => (message === undefined ? [] : [{ path, message }]));
  });
  if (faults.length === 0) return;
  throw new InvalidInput('variables', faults, { code: 'variables-unusable' });
}

export function absolute(name: string, prefix: string): string {
  return name.startsWith('/') ? name : `${prefix}/${name}`;
}

function withAbsoluteAuthority(options: YamlMap, prefix: string): YamlMap {
  const { ca } = options;
  return typeof ca === 'string' && ca !== '' ? { ...options, ca: absolute(ca, prefix) } : options;
}

/** Definitions of a document that was not checked yet, as far as they are any. */
export function definitionsIn(document: YamlValue): VariableDefinition[] {
  const list = isMap(document) ? document['variables'] : undefined;
  return (Array.isArray(list) ? list : []).flatMap((item) => {
    if (!isMap(item)) return [];
    const { name, type, options = {}, consumes = {}, update_mode: mode = null, update } = item;
    if (typeof name !== 'string' || name === '' || typeof type !== 'string' || !isMap(options)) return [];
    if (mode !== null && typeof mode !== 'string') return [];
    if (isMap(consumes) && Object.keys(consumes).length > 0) return []; // made once it is known where everything is
    const lazy = isMap(update) && update['strategy'] === 'on-stemcell-change';
    const updateStrategy = lazy ? 'on-stemcell-change' : 'on-deploy';
    return [{ name, type, options, consumes: [], updateMode: mode, updateStrategy }];
  });
}

/** Those that are asked for, and the CAs that sign them, in the order of the list. */
export function neededOf(
  definitions: readonly VariableDefinition[],
  names: ReadonlySet<string>,
  prefix: string,
): VariableDefinition[] {
  const byName = new Map(definitions.map((definition) => [absolute(definition.name, prefix), definition]));
  const needed = new Set<VariableDefinition>();
  const need = (name: string) => {
    const definition = byName.get(name);
    if (definition === undefined || needed.has(definition)) return;
    needed.add(definition);
    const { ca } = definition.options;
    if (typeof ca === 'string' && ca !== '') need(absolute(ca, prefix));
  };
  for (const name of names) need(name);
  return definitions.filter((definition) => needed.has(definition));
}
