import type { Deployment } from '../store/deployments.ts';
import type { Store } from '../store/store.ts';
import type { DeploymentTexts } from './resolve.ts';

/** What a deployment was last deployed with, with success: manifest, configs, and what their `latest` stood for. */
export async function textsOnRecord(
  { name, manifest, cloudConfigIds, runtimeConfigIds, teams }: Deployment & { manifest: string },
  store: Store,
): Promise<DeploymentTexts> {
  const configs = async (ids: readonly number[]) => (await store.configs.getAll(ids)).map(({ content }) => content);
  return {
    manifest,
    cloudConfigs: await configs(cloudConfigIds),
    runtimeConfigs: await configs(runtimeConfigIds),
    teams,
    firstDeploy: false,
    versions: (await store.deployments.pastDeploys(name))[0]?.versions,
  };
}
