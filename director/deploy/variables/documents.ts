import type { Fault } from '../../../common/errors.ts';
import { findPlaceholders, fillIn, lateSubtrees, type PlaceholderRules } from '../../../manifests/placeholders.ts';
import { isMap, type YamlValue } from '../../../manifests/value.ts';
import type { VariableDefinition } from '../../../manifests/variables.ts';
import { variablesMissing } from '../../plan/variable-values.ts';
import type { DeployVariables } from './deploy-variables.ts';
import { definitionsIn, neededOf, type GenerateOptions } from './generate.ts';

export interface Documents {
  manifest: YamlValue;
  cloudConfigs: readonly YamlValue[];
  runtimeConfigs: readonly YamlValue[];
}

/** `generateVariables` of a task; what keeps its variables needs none. */
export type Make = (definitions: readonly VariableDefinition[], options: GenerateOptions) => Promise<void>;

interface Part {
  value: YamlValue;
  rules: PlaceholderRules;
  /** Before the paths of faults. */
  prefix: string;
}

/**
 * The documents of a deploy with values instead of placeholders, but where those wait for a VM or a template. What
 * `variables:` defines is made before it is used, also here.
 * @throws InvalidInput `variables-missing` with every placeholder of all documents
 */
export async function fillDocuments(
  { manifest, cloudConfigs, runtimeConfigs }: Documents,
  variables: DeployVariables,
  make: Make,
): Promise<Documents> {
  const { prefix } = variables;
  const parts: Part[] = [
    { value: manifest, rules: { prefix, ignore: lateSubtrees.manifest }, prefix: '' },
    ...cloudConfigs.map((value) => ({
      value,
      rules: { prefix: null, ignore: lateSubtrees.cloud },
      prefix: 'cloud config',
    })),
    ...runtimeConfigs.map((value) => ({
      value,
      rules: { prefix, ignore: lateSubtrees.runtime },
      prefix: 'runtime config',
    })),
  ];
  const found = parts.map(({ value, rules }) => findPlaceholders(value, rules));
  const names = new Set(found.flatMap(({ placeholders }) => placeholders.map(({ variable }) => variable)));
  if (names.size > 0) {
    await generateNeeded([manifest, ...runtimeConfigs], names, variables, make);
    await variables.know(names);
  }
  const faults: Fault[] = [];
  const [filledManifest = null, ...filled] = parts.map((part, i) => {
    const { placeholders = [], faults: wrong = [] } = found[i] ?? {};
    if (placeholders.length + wrong.length === 0) return part.value;
    faults.push(...wrong.map((fault) => within(part.prefix, fault)));
    return fill(part, placeholders, variables, faults);
  });
  if (faults.length > 0) throw variablesMissing(`deployment "${variables.deployment}"`, faults);
  return {
    manifest: filledManifest,
    cloudConfigs: filled.slice(0, cloudConfigs.length),
    runtimeConfigs: filled.slice(cloudConfigs.length),
  };
}

function fill(
  { value, prefix }: Part,
  placeholders: ReturnType<typeof findPlaceholders>['placeholders'],
  { values, set }: DeployVariables,
  faults: Fault[],
): YamlValue {
  const own = new Map<string, YamlValue>();
  const known = placeholders.filter(({ variable, path }) => {
    const one = values.valueOf(set, variable);
    if ('value' in one) own.set(variable, one.value);
    else faults.push(within(prefix, { path: path.join('.'), message: one.why }));
    return 'value' in one;
  });
  const filled = fillIn(value, known, own);
  faults.push(...filled.faults.map((fault) => within(prefix, fault)));
  return filled.value;
}

/** Of the definitions those alone that are used here: the others are made when all else has been checked. */
async function generateNeeded(
  documents: readonly YamlValue[],
  names: ReadonlySet<string>,
  variables: DeployVariables,
  make: Make,
): Promise<void> {
  if (variables.kind === 'kept') return;
  const definitions = documents.flatMap(definitionsIn);
  const needed = neededOf(definitions, names, variables.prefix).filter(({ options }) => !asks(options, variables));
  if (needed.length === 0) return;
  const features = isMap(documents[0]) ? documents[0]['features'] : undefined;
  const converge = isMap(features) && features['converge_variables'] === true;
  await make(needed, { converge, stemcellsChanged: false });
}

/** Its options ask for a variable themselves. */
function asks(options: YamlValue, { values }: DeployVariables): boolean {
  return values.namesIn(options).size > 0;
}

function within(prefix: string, { path, message }: Fault): Fault {
  return { path: prefix === '' ? path : `${prefix}: ${path}`, message };
}
