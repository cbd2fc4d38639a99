import { join } from 'node:path';
import type { Chance } from '../../common/chance.ts';
import type { Clock } from '../../common/clock.ts';
import type { DirectorConfig } from '../config.ts';
import type { ConfigServer } from '../credentials/config-server.ts';
import { openKeyring } from '../credentials/own/keyring.ts';
import { OwnConfigServer } from '../credentials/own/own-config-server.ts';
import type { Store } from '../store/store.ts';

/** In the state directory: whoever has the database alone can read no variable. */
const keyFile = 'variables.key';

/** Where variables are. @throws OperatorError `variables-key-missing` | `variables-key-unusable` */
export async function openConfigServer(
  { stateDirectory }: DirectorConfig,
  { store, clock, chance }: { store: Store; clock: Clock; chance: Chance },
): Promise<ConfigServer> {
  const keyring = await openKeyring(join(stateDirectory, keyFile), await store.credentials.keyIds());
  return new OwnConfigServer({ store, keyring, clock, chance });
}
