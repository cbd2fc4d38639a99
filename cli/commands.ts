import { artifactCommands } from './commands/artifacts.ts';
import { blobCommands } from './commands/blobs.ts';
import { cleanUpCommands } from './commands/clean-up.ts';
import { cloudCheckCommands } from './commands/cloud-check.ts';
import { completionCommands } from './commands/completion.ts';
import { configCommands } from './commands/configs.ts';
import { curlCommands } from './commands/curl.ts';
import { deployCommands } from './commands/deploy.ts';
import { deploymentCommands } from './commands/deployments.ts';
import { directorCommands } from './commands/director.ts';
import { quickstartCommands } from './commands/quickstart.ts';
import { environmentCommands } from './commands/environments.ts';
import { errandCommands } from './commands/errands.ts';
import { eventCommands } from './commands/events.ts';
import { explainCommands } from './commands/explain.ts';
import { helpCommands } from './commands/help.ts';
import { instanceCommands } from './commands/instances.ts';
import { interpolateCommands } from './commands/interpolate.ts';
import { legacyConfigCommands } from './commands/legacy-configs.ts';
import { localReleaseCommands } from './commands/local-releases.ts';
import { localStemcellCommands } from './commands/local-stemcells.ts';
import { logInCommands } from './commands/log-in.ts';
import { logCommands } from './commands/logs.ts';
import { notBuiltCommands } from './commands/not-built.ts';
import { diskCommands } from './commands/disks.ts';
import { snapshotCommands } from './commands/snapshots.ts';
import { orphanCommands } from './commands/orphans.ts';
import { operateCommands } from './commands/operate.ts';
import { rollbackCommands } from './commands/rollback.ts';
import { recoverCommands } from './commands/recover.ts';
import { sshCommands } from './commands/ssh.ts';
import { taskCommands } from './commands/tasks.ts';
import { uploadCommands } from './commands/uploads.ts';
import { variableCommands } from './commands/variables.ts';
import type { CommandSpec } from './command.ts';

/** All commands, by name. */
export const commands: readonly CommandSpec[] = [
  ...helpCommands(() => commands),
  ...completionCommands(() => commands),
  ...environmentCommands,
  ...logInCommands,
  ...taskCommands,
  ...cleanUpCommands,
  ...cloudCheckCommands,
  ...recoverCommands,
  ...curlCommands,
  ...configCommands,
  ...legacyConfigCommands,
  ...deploymentCommands,
  ...deployCommands,
  ...interpolateCommands,
  ...eventCommands,
  ...artifactCommands,
  ...uploadCommands,
  ...variableCommands,
  ...instanceCommands,
  ...explainCommands,
  ...operateCommands,
  ...diskCommands,
  ...snapshotCommands,
  ...errandCommands,
  ...logCommands,
  ...rollbackCommands,
  ...sshCommands,
  ...orphanCommands,
  ...localReleaseCommands,
  ...blobCommands,
  ...localStemcellCommands,
  ...directorCommands,
  ...quickstartCommands,
  ...notBuiltCommands,
].sort((a, b) => (a.name < b.name ? -1 : 1));
