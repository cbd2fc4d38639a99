import { readFile, writeFile } from 'node:fs/promises';
import { Type, type Static } from 'typebox';
import Value from 'typebox/value';
import { goYaml } from '../releases/go-yaml.ts';
import { readYaml } from '../manifests/yaml.ts';
import { CliError } from './failure.ts';

/** What is to be done about problems of each kind in each instance group; the file format of bosh. */
const RecoveryPlan = Type.Object({
  instance_groups_plan: Type.Array(
    Type.Object({
      name: Type.String(),
      max_in_flight_override: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
      planned_resolutions: Type.Record(Type.String(), Type.String()),
    }),
  ),
});
export type RecoveryPlan = Static<typeof RecoveryPlan>;
export type GroupPlan = RecoveryPlan['instance_groups_plan'][number];

export async function readRecoveryPlan(path: string): Promise<RecoveryPlan> {
  const { value } = readYaml(await readFile(path, 'utf8'), path);
  if (Value.Check(RecoveryPlan, value)) return value;
  const [fault] = Value.Errors(RecoveryPlan, value);
  const where = fault?.instancePath.slice(1).replaceAll('/', '.') ?? '';
  throw new CliError(`${path} is no recovery plan: ${where === '' ? '' : `${where}: `}${fault?.message ?? ''}`);
}

export async function writeRecoveryPlan(path: string, plan: RecoveryPlan): Promise<void> {
  await writeFile(path, goYaml(plan));
}
