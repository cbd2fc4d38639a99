import { OperatorError } from '../../common/errors.ts';
import { CompilationMachines } from '../compile/machines.ts';
import type { ExecuteDeps } from '../execute/work.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import type { Resolved } from './resolve.ts';
import type { DeployVariables } from './variables/deploy-variables.ts';
import { allFormerOf } from './variables/late.ts';
import { stemcellOf } from './stemcells.ts';

/** The machines that compile for one deployment; what a director that died has left of them is deleted first. */
export async function compilationMachines(
  { wanted, compilationProperties }: Resolved,
  variables: DeployVariables,
  deps: ExecuteDeps,
  task: TaskContext,
): Promise<CompilationMachines> {
  const { compilation, azs } = wanted.cloud;
  const cpi = (compilation.az === null ? null : azs.get(compilation.az)?.cpi) ?? '';
  const all = await task.store.stemcells.list();
  const machines = new CompilationMachines(deps, task, {
    deployment: wanted.name,
    cloud: wanted.cloud,
    vmProperties: compilationProperties,
    tags: wanted.tags,
    variables,
    stemcellFor: ({ os, version }) => {
      const found = all.find((one) => one.operatingSystem === os && one.version === version && one.cpi === cpi);
      if (found !== undefined) return stemcellOf(found);
      throw new OperatorError(`there is no stemcell ${os}/${version} to compile on`, {
        code: 'stemcell-missing',
        hint: 'Upload it with `bosh upload-stemcell`; `bosh stemcells` lists what is there.',
        details: { boshCode: 50003 },
      });
    },
  });
  const instances = await task.store.instances.ofDeployment(wanted.name, { compilation: true });
  const leftovers = instances.filter((instance) => instance.compilation);
  await variables.knowFormer(leftovers.flatMap(allFormerOf));
  await machines.deleteLeftovers(leftovers);
  return machines;
}
