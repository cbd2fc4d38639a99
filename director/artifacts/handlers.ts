import type { TaskHandler } from '../tasks/task-context.ts';
import { cleanUp } from './clean-up/clean-up.ts';
import { deleteRelease } from './delete-release.ts';
import { deleteStemcell } from './delete-stemcell.ts';
import { deleteVm } from './delete-vm.ts';
import type { ArtifactDeps } from './deps.ts';
import { exportRelease } from './export-release.ts';
import { updateRelease } from './update-release.ts';
import { updateStemcell } from './update-stemcell.ts';

/** By the type of the task. */
export function artifactTaskHandlers(deps: ArtifactDeps): Record<string, TaskHandler> {
  return {
    update_release: updateRelease(deps),
    delete_release: deleteRelease(deps),
    export_release: exportRelease(deps),
    update_stemcell: updateStemcell(deps),
    delete_stemcell: deleteStemcell(deps),
    delete_vm: deleteVm(deps),
    delete_artifacts: cleanUp(deps),
  };
}
