import type { Deployment } from '../store/deployments.ts';
import type { Store } from '../store/store.ts';
import type { DeploymentTexts } from './resolve.ts';

/** What a deployment was last deployed from with success; undefined: it never was. */
export async function storedTexts(
  { manifest, cloudConfigIds, runtimeConfigIds, teams }: Deployment,
  store: Pick<Store, 'configs'>,
): Promise<DeploymentTexts | undefined> {
  if (manifest === null) return undefined;
  const configs = async (ids: readonly number[]) => (await store.configs.getAll(ids)).map(({ content }) => content);
  return {
    manifest,
    cloudConfigs: await configs(cloudConfigIds),
    runtimeConfigs: await configs(runtimeConfigIds),
    teams,
    firstDeploy: false,
  };
}
