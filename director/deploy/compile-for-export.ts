import { OperatorError } from '../../common/errors.ts';
import type { TaskContext } from '../tasks/task-context.ts';
import { compilePackages } from '../compile/compile-packages.ts';
import { requirementsOf } from '../compile/requirements.ts';
import { compilationMachines } from './compilation.ts';
import { resolve } from './resolve.ts';
import type { DeployDeps } from './deploy-deps.ts';
import { gone } from './gone.ts';
import { textsOnRecord } from './texts-on-record.ts';
import { DeployVariables } from './variables/deploy-variables.ts';
import { knowCompilation } from './variables/late.ts';

interface ExportWish {
  deployment: string;
  release: { name: string; version: string };
  stemcell: { os: string; version: string };
  packages: readonly string[];
}

/** Compiles packages of a release for a stemcell, on machines as a deployment's cloud config has them. */
export function compileForExport(deps: DeployDeps): (wish: ExportWish, task: TaskContext) => Promise<void> {
  return async ({ deployment: name, release, stemcell, packages }, task) => {
    const { store } = task;
    const deployment = await store.deployments.get(name);
    if (deployment?.manifest == null) throw gone(name);
    const contents = await store.releases.contents(release.name, release.version);
    if (contents === undefined) {
      throw new OperatorError(`Release version '${release.name}/${release.version}' doesn't exist`, {
        code: 'release-missing',
        hint: '`bosh releases` lists what is there.',
        details: { boshCode: 30006 },
      });
    }
    const variables = await DeployVariables.kept(name, deps, task);
    const texts = await textsOnRecord({ ...deployment, manifest: deployment.manifest }, store);
    const resolved = await resolve(texts, {
      ...deps,
      store,
      task,
      variables,
      directorName: deps.settings.directorName,
    });
    await knowCompilation(resolved, variables);
    const demand = {
      release,
      packages: new Map(contents.packages.map((pkg) => [pkg.name, pkg])),
      wanted: packages,
      stemcell,
      exportedFrom: [],
    };
    const compiled = await store.releases.compiledFor(contents.packages.map(({ id }) => id));
    await compilePackages(requirementsOf([demand], compiled), {
      task,
      agents: deps.agents,
      machines: await compilationMachines(resolved, variables, deps, task),
    });
  };
}
